"""EoMT's head: masks of queries, their sum by class, and where it lies in the image."""

import pytest
import torch
from mmseg.registry import MODELS
from torch.nn.functional import interpolate

from wwt_mm.backbone import SlotMasks
from wwt_mm.engine import load_config
from wwt_mm.errors import ConfigError
from wwt_mm.segmentation import EoMTHead


def make(**options):
    options = dict(num_queries=5, patch_size=8, stride=4, num_points=64) | options
    return EoMTHead(6, 3, **options).double().eval()


@torch.no_grad()
def test_an_image_gets_the_sum_of_masks_weighted_by_classes():
    head = make()
    feat = SlotMasks(
        torch.randn(1, 5, 6).double(), None, torch.randn(1, 6, 2, 3).double()
    )
    metas = [dict(img_shape=(13, 22))]  # the backbone has padded it to 16 x 24
    result = head.predict((feat,), metas, {})
    maps = head.upscale(feat.tokens)[0]
    assert maps.shape == (6, 4, 6)
    expected = torch.zeros(3, 16, 24).double()
    for query in feat.slots[0]:
        embedding = head.mask_embed(query)
        mask = torch.zeros(4, 6).double()
        for y in range(4):
            for x in range(6):
                mask[y, x] = embedding @ maps[:, y, x]
        mask = interpolate(mask[None, None], scale_factor=4, mode='bilinear')[0, 0]
        classes = head.cls_embed(query).softmax(0)
        for label in range(3):
            expected[label] += classes[label] * mask.sigmoid()
    torch.testing.assert_close(result[0], expected[:, :13, :22], check_dtype=False)


def test_a_stride_that_is_no_power_of_two_below_the_patch_is_an_error():
    with pytest.raises(ConfigError, match='stride=3 must be patch_size=8 over'):
        make(stride=3)


def test_a_single_class_has_nothing_to_be_told_from():
    with pytest.raises(ConfigError, match='background'):
        EoMTHead(6, 1, num_queries=5)


def test_training_reaches_queries_and_every_block(samples):
    shrunk = {
        'model.backbone.arch': dict(
            _delete_=True,
            embed_dims=24,
            num_layers=12,
            num_heads=3,
            feedforward_channels=24,
        ),
        'model.backbone.img_size': 64,
        'model.backbone.drop_path_rate': 0.0,
        'model.decode_head.in_channels': 24,
    }
    cfg = load_config('configs/mmseg/eomt_voc12aug.py', shrunk)
    model = MODELS.build(cfg.model)
    losses = model.loss(torch.randn(2, 3, 64, 64), samples(2, 64, 64))
    assert set(losses) == {f'decode.loss_{name}' for name in ('cls', 'mask', 'dice')}
    sum(losses.values()).backward()
    unused = [n for n, p in model.named_parameters() if p.grad is None]
    assert not unused and model.backbone.queries.grad.abs().sum() > 0


def test_losses_and_costs_weigh_as_in_mask2former():
    head = make()
    losses = head.loss_cls, head.loss_mask, head.loss_dice
    assert [loss.loss_weight for loss in losses] == [2, 5, 5]
    assert head.loss_cls.class_weight == [1, 1, 1, 0.1]
    assert [cost.args[0].weight for cost in head.assigner.match_costs] == [2, 5, 5]
