"""Small models and planted features, shared by the tests of object discovery."""

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.registry import DefaultScope

import wwt_mm.discovery  # noqa: F401  registers what the configs name
from wwt_mm.engine import load_config

from ..tool_process import REPOSITORY

CONFIGS = REPOSITORY / 'configs' / 'mmdet' / 'discovery'


@pytest.fixture(autouse=True)
def _default_scope():
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


@pytest.fixture(scope='session')
def build():
    """Builds the detector of a discovery config of the scenes."""

    def build_model(family='wwt', **options):
        cfg = load_config(CONFIGS / f'discovery_{family}_scenes.py')
        cfg.merge_from_dict({f'model.{key}': value for key, value in options.items()})
        torch.manual_seed(0)
        with DefaultScope.overwrite_default_scope('mmdet'):
            model = MODELS.build(cfg.model)
        model.eval()
        return model

    return build_model


@pytest.fixture
def sample():
    """Makes the data sample of an image of some size."""

    def make(height, width, scale=1.0):
        shape = (height, width)
        original = (round(height / scale), round(width / scale))
        return DetDataSample(
            metainfo=dict(
                img_id='1',
                img_shape=shape,
                ori_shape=original,
                scale_factor=(width / original[1], height / original[0]),
            )
        )

    return make


@pytest.fixture
def plant():
    """Plants blocks of like features in a background of other ones.

    Features of one block have positive products, those of two blocks, or of a block
    and the background, negative ones.
    """

    def make(grid, *blocks, noise=0.02, seed=0):
        generator = torch.Generator().manual_seed(seed)
        kinds = torch.eye(len(blocks) + 1) - 0.3  # products: diagonal > 0 > others
        features = kinds[0].expand(*grid, -1).clone()
        for kind, (x1, y1, x2, y2) in zip(kinds[1:], blocks, strict=True):
            features[y1:y2, x1:x2] = kind
        return features + noise * torch.randn(features.shape, generator=generator)

    return make
