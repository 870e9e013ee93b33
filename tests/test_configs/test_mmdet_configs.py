"""The configs of configs/mmdet/: what they say of data and of weight decay."""

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from tests.tool_process import REPOSITORY
from wwt_mm.engine import load_config


def load(name):
    return load_config(REPOSITORY / 'configs' / 'mmdet' / f'{name}.py')


@pytest.mark.parametrize('name', ['wwt_det', 'wwt_det_tokens', 'detr_r50'])
def test_more_images_are_the_only_difference(name):
    alone, both = load(f'{name}_voc07').to_dict(), load(f'{name}_voc0712').to_dict()
    differing = {k for k in alone | both if alone.get(k) != both.get(k)}
    assert differing == {'train_dataloader'}
    first, second = both['train_dataloader']['dataset']['datasets']
    assert first == alone['train_dataloader']['dataset']
    assert second['data_prefix'] == dict(sub_data_root='VOC2012/')
    assert second['ann_file'] == first['ann_file'].replace('2007', '2012')
    with DefaultScope.overwrite_default_scope('mmdet'):
        MODELS.build(load(f'{name}_voc0712').model)


def test_detr_is_given_its_resnet_or_a_detr():
    option = 'model.backbone.init_cfg'
    cfg = load('detr_r50_voc07')
    cfg.merge_from_dict({f'{option}.checkpoint': 'resnet.pth'})
    backbone = cfg.model.backbone.init_cfg
    assert backbone == dict(type='Pretrained', checkpoint='resnet.pth')
    cfg.merge_from_dict({option: None})
    assert cfg.model.backbone.init_cfg is None


@pytest.mark.parametrize('name', ['wwt_det_voc07', 'wwt_det_scenes', 'yolos_voc07'])
def test_embeddings_norms_and_biases_do_not_decay(name):
    cfg = load(name)
    with DefaultScope.overwrite_default_scope('mmdet'), torch.device('meta'):
        model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    decays = {id(group['params'][0]): group['weight_decay'] for group in groups}
    embeddings = ('slots', 'pos_embed', 'pos_embed.weight', 'cls_token', 'queries')
    free = {f'backbone.{embedding}' for embedding in embeddings}
    for key, parameter in model.named_parameters():
        expected = 0.0 if parameter.dim() == 1 or key in free else 0.05
        assert decays[id(parameter)] == expected, key
    assert {group['lr'] for group in groups} == {cfg.optim_wrapper.optimizer.lr}
