"""A classification checkpoint starts every other task, as the documents say.

Detection with the project's own head: tests/test_detection/test_transfer.py.
"""

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import load_checkpoint
from tool_process import REPOSITORY

from wwt_mm.deployment.publish import publish_checkpoint
from wwt_mm.engine import load_config

CONFIGS = REPOSITORY / 'configs'
ARCH = dict(embed_dims=24, num_layers=12, num_heads=3)
# Config, the side of its position map in patches, and the options it is shrunk with.
TARGETS = {
    'mmseg/wwt_seg_voc12.py': (32, {}),
    'mmseg/weak/wwt_tiny_weak_imagenets50.py': (14, {'model.head.in_channels': 24}),
    'mmdet/discovery/discovery_wwt_voc12.py': (14, {}),
    'mmdet/swaps/detr.py': (32, {'model.neck.in_channels': [24]}),
    'mmdet/swaps/mask2former.py': (64, {'model.neck.norm_cfg': dict(type='BN')}),
    'mmseg/swaps/fcn.py': (32, {}),
}


def build(path, **options):
    cfg = load_config(CONFIGS / path, {'model.backbone.num_slots': 8, **options})
    cfg.model.backbone.arch = ARCH
    for part in ('head', 'autoencoding_head', 'neck', 'decode_head'):
        # A list stands before several maps, and comes with the options.
        if isinstance(cfg.model.get(part, {}).get('in_channels'), int):
            cfg.model[part].in_channels = 24
    if 'num_slots' in cfg.model.get('decode_head', {}):
        cfg.model.decode_head.update(num_slots=8, num_heads=3)
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model)


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    """A classifier of 224 pixels, published."""
    torch.manual_seed(0)
    model = build('mmpretrain/wwt_small_in1k.py')
    path = tmp_path_factory.mktemp('weights') / 'wwt.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return model.backbone.state_dict(), str(publish_checkpoint(path))


@pytest.mark.parametrize('how', ['load_from', 'init_cfg'])
@pytest.mark.parametrize('target', TARGETS)
def test_the_backbone_arrives_with_its_positions_resized(target, how, published):
    expected, path = published
    side, options = TARGETS[target]
    model = build(target, **options)
    if how == 'load_from':
        load_checkpoint(model, path)
    else:
        model.backbone.init_cfg = dict(
            type='Pretrained', checkpoint=path, prefix='backbone.'
        )
        model.backbone._is_init = False
        model.backbone.init_weights()
    found = model.backbone.state_dict()
    assert found.keys() == expected.keys()
    assert found.pop('pos_embed.weight').shape[-2:] == (side, side)
    for name, value in found.items():
        assert torch.equal(value, expected[name]), name


def test_the_weak_segmentor_takes_the_classifier_over_too(published):
    _, path = published
    weights = torch.load(path, weights_only=True)['state_dict']
    name = 'mmseg/weak/wwt_tiny_weak_imagenets50.py'
    model = build(name, **TARGETS[name][1])
    load_checkpoint(model, path)
    for key, value in model.head.state_dict().items():
        assert torch.equal(value, weights[f'head.{key}']), key
