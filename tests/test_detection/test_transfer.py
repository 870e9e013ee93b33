"""A classification checkpoint starts a detector, as the configs' comments say."""

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint, save_checkpoint

from wwt_mm.engine import load_config
from wwt_mm.errors import CheckpointError

ARCH = dict(embed_dims=24, num_layers=2, num_heads=3)


def build(config, **backbone):
    cfg = load_config(config)
    cfg.model.backbone.arch = ARCH
    cfg.model.backbone.update(backbone)
    for head in ('head', 'autoencoding_head'):
        if head in cfg.model:
            cfg.model[head].in_channels = 24
    if 'bbox_head' in cfg.model:
        cfg.model.bbox_head.update(embed_dims=24, num_heads=3)
    init_default_scope(cfg.default_scope)
    if cfg.default_scope == 'mmdet':
        from mmdet.registry import MODELS
    else:
        from mmpretrain.registry import MODELS
    torch.manual_seed(0)
    return MODELS.build(cfg.model)


@pytest.fixture
def checkpoint(tmp_path):
    model = build('configs/mmpretrain/wwt_small_in1k.py', num_slots=8)
    path = tmp_path / 'pretrained.pth'
    save_checkpoint(dict(state_dict=model.state_dict()), str(path))
    return model, str(path)


@pytest.mark.parametrize('how', ['load_from', 'init_cfg'])
def test_backbone_weights_travel_and_positions_are_resized(checkpoint, how):
    source, path = checkpoint
    options = {}
    if how == 'init_cfg':
        options['init_cfg'] = dict(
            type='Pretrained', checkpoint=path, prefix='backbone.'
        )
    model = build('configs/mmdet/wwt_det_voc07.py', num_slots=8, **options)
    if how == 'init_cfg':
        model.backbone.init_weights()
    else:
        load_checkpoint(model, path)
    expected = source.backbone.state_dict()
    for name, value in model.backbone.state_dict().items():
        if name == 'pos_embed.weight':
            assert value.shape[-2:] == (32, 32) and expected[name].shape[-1] == 14
        else:
            assert torch.equal(value, expected[name]), name


def test_another_number_of_slots_is_an_error_that_says_how_to_proceed(checkpoint):
    model = build('configs/mmdet/wwt_det_voc07.py', num_slots=16)
    with pytest.raises(CheckpointError, match='set num_slots=8'):
        load_checkpoint(model, checkpoint[1])
