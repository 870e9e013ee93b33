from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

import wwt_mm.segmentation  # noqa: F401  (registers the modules)
from wwt_mm.backbone import SlotMasks
from wwt_mm.engine import load_config

CONFIGS = Path(__file__).parents[2] / 'configs' / 'mmseg'

#: WWT-SEG as the configs have it, small enough for a test.
SHRUNK = {
    'model.backbone.arch': dict(
        _delete_=True, embed_dims=24, num_layers=2, num_heads=3
    ),
    'model.backbone.img_size': 64,
    'model.backbone.num_slots': 5,
    'model.backbone.drop_path_rate': 0.0,
    'model.decode_head.in_channels': 24,
    'model.decode_head.channels': 16,
    'model.decode_head.num_slots': 5,
    'model.decode_head.num_heads': 3,
    'model.data_preprocessor.size': (64, 64),
}


@pytest.fixture(autouse=True)
def _scope_and_seed():
    with DefaultScope.overwrite_default_scope('mmseg'):
        torch.manual_seed(0)
        np.random.seed(0)
        yield


@pytest.fixture
def shrunk_config():
    """Load a config of configs/mmseg, shrunk, with more options merged."""

    def load(name='wwt_seg_voc12', **options):
        shrunk = dict(SHRUNK)
        if 'tokens' in name:
            shrunk = {k: v for k, v in shrunk.items() if 'head.num_' not in k}
        options = {key.replace('__', '.'): value for key, value in options.items()}
        return load_config(CONFIGS / f'{name}.py', shrunk | options)

    return load


@pytest.fixture
def slot_masks():
    """Draw an output of the backbone in float64: 2 images, K = 5, D = 6, H = 2."""

    def draw(h=3, w=4, batch=2, seed=0):
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        return SlotMasks(
            normal(batch, 5, 6), normal(batch, 2, 5, h, w), normal(batch, 6, h, w)
        )

    return draw


@pytest.fixture
def samples():
    """Make samples with random labels of 21 classes for training images."""

    def make(count, height, width, ignored_from_row=None):
        made = []
        for _ in range(count):
            labels = torch.randint(21, (1, height, width))
            if ignored_from_row is not None:
                labels[:, ignored_from_row:] = 255
            sample = SegDataSample(
                metainfo=dict(
                    img_shape=(height, width),
                    ori_shape=(height, width),
                    pad_shape=(height, width),
                )
            )
            sample.gt_sem_seg = PixelData(data=labels)
            made.append(sample)
        return made

    return make
