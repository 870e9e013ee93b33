"""Small models of every kind, with random weights in checkpoint files."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, DefaultScope

from wwt_mm.engine import load_config
from wwt_mm.inference import SlotInferencer

from ..tool_process import REPOSITORY

CONFIGS = REPOSITORY / 'configs'
CLASSIFIER = CONFIGS / 'mmpretrain' / 'wwt_scenes.py'


def options_of(config):
    """What makes configs of the paper small; those of the scenes are."""
    if 'scenes' in config:
        return {}
    head = 'decode_head' if 'mmseg' in config else 'bbox_head'
    options = {'model.backbone.arch': 'tiny', 'model.backbone.img_size': 64}
    options['model.backbone.num_slots'] = 8
    dataset = 'test_dataloader.dataset.pipeline.1.scale'
    options[dataset] = (64, 64)
    if head == 'decode_head':
        options['model.decode_head.in_channels'] = 192
        options['model.decode_head.num_slots'] = 8
        options['model.decode_head.num_heads'] = 3
        options['model.decode_head.channels'] = 64
    else:
        options['model.bbox_head.embed_dims'] = 192
        if 'tokens' not in config:
            options['model.bbox_head.num_heads'] = 3
    return options


@pytest.fixture(scope='session')
def checkpoint_of(tmp_path_factory):
    """Gives a checkpoint of a config with random weights, as mmengine saves it."""
    folder = tmp_path_factory.mktemp('checkpoints')

    def make(config, classes=None):
        path = folder / f'{config.replace("/", "_")}_{len(classes or [])}.pth'
        if not path.exists():
            cfg = load_config(CONFIGS / f'{config}.py', options_of(config))
            torch.manual_seed(0)
            with DefaultScope.overwrite_default_scope(cfg.default_scope):
                model = MODELS.build(cfg.model)
            model.init_weights()
            for parameter in model.parameters():  # no zeros, as after training
                parameter.data += 0.05 * torch.randn_like(parameter)
            meta = dict(dataset_meta=dict(classes=classes) if classes else None)
            torch.save(dict(meta=meta, state_dict=model.state_dict()), path)
        return path

    return make


@pytest.fixture(scope='session')
def infer_with(checkpoint_of):
    """Builds a SlotInferencer of a config and its checkpoint."""

    def make(config='mmpretrain/wwt_scenes', classes=None, **options):
        return SlotInferencer(
            CONFIGS / f'{config}.py',
            checkpoint_of(config, classes),
            device='cpu',
            cfg_options=options_of(config),
            **options,
        )

    return make


@pytest.fixture(scope='session')
def infer(infer_with):
    """A classifier of ten classes, which nothing changes."""
    return infer_with(classes=list('abcdefghij'))


@pytest.fixture(scope='session')
def picture():
    """Makes pixels with a gradient and noise, BGR."""

    def make(height=64, width=64, seed=0):
        noise = np.random.default_rng(seed).integers(0, 60, (height, width, 3))
        ramp = np.linspace(0, 190, width)[None, :, None]
        return (noise + ramp).astype(np.uint8)

    return make


@pytest.fixture
def folder(tmp_path, picture):
    """A folder with five images, one of them in a folder of its own."""
    root = tmp_path / 'images'
    (root / 'sub').mkdir(parents=True)
    for index in range(4):
        cv2.imwrite(str(root / f'{index}.png'), picture(60 + index, 70, seed=index))
    cv2.imwrite(str(root / 'sub' / '0.png'), picture(64, 64, seed=9))
    return root
