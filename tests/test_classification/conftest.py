import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from tests.tool_process import REPOSITORY
from wwt_mm.engine import load_config

CLASSES = ['apple', 'banana', 'cherry']


@pytest.fixture(scope='session')
def image_folders(tmp_path_factory):
    """ImageNet's layout: 3 classes, of each 3 training and 3 or 2 validation images."""
    root = tmp_path_factory.mktemp('imagenet')
    generator = np.random.default_rng(0)
    for split, counts in (('train', (3, 3, 3)), ('val', (3, 2, 2))):
        for number, (name, count) in enumerate(zip(CLASSES, counts, strict=True)):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(0, 150, (40, 48, 3), np.uint8)
                pixels[..., number] += 100
                Image.fromarray(pixels).save(folder / f'{index}.png')
    return root


@pytest.fixture
def scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


def shrunk(name, data_root, work_dir, **options):
    """A config of configs/mmpretrain/ with a model and images of a few pixels."""
    arch = dict(_delete_=True, embed_dims=12, num_layers=2, num_heads=2)
    small = {
        'data_root': str(data_root),
        'work_dir': str(work_dir),
        'model.data_preprocessor.num_classes': 3,
        'model.head.num_classes': 3,
        'model.head.in_channels': 12,
        'model.backbone.arch': arch,
        'model.backbone.img_size': 32,
        'model.backbone.patch_size': 8,
        'train_cfg.max_epochs': 1,
        'val_evaluator.topk': 1,
        'test_evaluator.topk': 1,
        'env_cfg.dist_cfg.backend': 'gloo',
    }
    if name.startswith('wwt'):
        small |= {'model.backbone.num_slots': 6}
        if 'no_autoencoder' not in name:
            small |= {
                'model.autoencoding_head.in_channels': 12,
                'model.autoencoding_head.patch_size': 8,
            }
    else:
        arch['feedforward_channels'] = 24
    for stage in ('train', 'val', 'test'):
        loader = f'{stage}_dataloader'
        small |= {
            f'{loader}.batch_size': 4,
            f'{loader}.num_workers': 0,
            f'{loader}.persistent_workers': False,
            f'{loader}.dataset.pipeline.1.scale': 32,
        }
        if 'scenes' not in name:
            small[f'{loader}.dataset.metainfo.classes'] = CLASSES
            if stage != 'train':
                small[f'{loader}.dataset.pipeline.2.crop_size'] = 32
    path = REPOSITORY / 'configs' / 'mmpretrain' / f'{name}.py'
    return load_config(path, small | options)
