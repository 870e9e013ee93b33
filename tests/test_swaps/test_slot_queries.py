"""What the decoders of other models begin with where their queries are slots."""

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from torch.nn.functional import interpolate

from wwt_mm.backbone import SlotMasks
from wwt_mm.engine import load_config
from wwt_mm.errors import ConfigError

SLOTS, HEADS, DIMS = 16, 3, 96


def load(name):
    """Load a config of the swaps on scenes, with all their libraries' modules."""
    cfg = load_config(f'configs/{name}_slots_scenes.py')
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    return cfg.model


def features(*maps, slots=SLOTS):
    """Maps of a neck, and what stands behind them, with a gradient for slots."""
    slots = torch.randn(2, slots, DIMS, requires_grad=True)
    masks, tokens = torch.randn(2, HEADS, SLOTS, 8, 8), torch.randn(2, DIMS, 8, 8)
    return (*maps, SlotMasks(slots, 3 * masks, tokens))


def make_sample():
    return DetDataSample(metainfo=dict(img_shape=(64, 64), batch_input_shape=(64, 64)))


def seen_by(layer):
    """The keyword arguments of a layer's calls, as a list that grows."""
    calls = []
    layer.register_forward_pre_hook(
        lambda _, args, kwargs: calls.append(kwargs), with_kwargs=True
    )
    return calls


@pytest.mark.parametrize('slot_queries', [True, False])
def test_detrs_decoder_begins_with_slots(slot_queries):
    config = load('mmdet/swaps/detr')
    model = MODELS.build(dict(config, slot_queries=slot_queries)).eval()
    calls = seen_by(model.decoder)
    sample = make_sample()
    feats = features(torch.randn(2, DIMS, 8, 8))
    outputs = model.forward_transformer(feats, [sample] * 2)['hidden_states']
    assert outputs.shape == (2, 2, SLOTS, DIMS)
    slots = feats[-1].slots
    expected = model.slot_query(slots) if slot_queries else torch.zeros(2, SLOTS, DIMS)
    assert torch.equal(calls[0]['query'], expected)
    outputs.square().sum().backward()
    assert slots_have_gradient(slots) == slot_queries


@pytest.mark.parametrize('slot_queries', [True, False])
def test_ddp_knows_what_of_the_backbone_detr_leaves_out(slot_queries):
    cfg = load_config('configs/mmdet/swaps/detr_slots_scenes.py')
    model = MODELS.build(dict(load('mmdet/swaps/detr'), slot_queries=slot_queries))
    sample = make_sample()
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([[4.0, 4.0, 30.0, 20.0]]), labels=torch.tensor([3])
    )
    losses = model.loss(torch.rand(2, 3, 64, 64), [sample] * 2)
    model.parse_losses(losses)[0].backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    assert 'backbone.blocks.5.mlp_masks.0.weight' in unused
    assert cfg.find_unused_parameters


def slots_have_gradient(slots):
    return slots.grad is not None and bool((slots.grad.abs().sum((1, 2)) > 0).all())


@pytest.mark.parametrize('options', [{}, dict(slot_queries=False, mask_threshold=None)])
def test_mask2former_begins_with_slots_and_looks_where_their_masks_are(options):
    from mmseg.registry import MODELS

    head = MODELS.build(dict(load('mmseg/swaps/mask2former').decode_head, **options))
    calls = seen_by(head.transformer_decoder.layers[0])
    maps = [torch.randn(2, DIMS, side, side) for side in (16, 8, 4, 2)]
    feats = features(*maps)
    classes, masks = head(feats, None)
    learned = head.query_feat.weight.expand(2, -1, -1)
    slots = feats[-1].slots
    queries, hidden = calls[0]['query'], calls[0]['cross_attn_mask']
    if options:
        assert torch.equal(queries, learned)
    else:
        torch.testing.assert_close(queries, learned + head.slot_query(slots))
        where = interpolate(feats[-1].masks.mean(1), (2, 2), mode='bilinear')
        for image in range(2):
            for slot in range(SLOTS):
                weights = where[image, slot].flatten().softmax(0)
                expected = weights < 0.25 * weights.max()
                for at in range(HEADS * image, HEADS * (image + 1)):
                    assert torch.equal(hidden[at, slot], expected)
        assert 0 < hidden.float().mean() < 1
    assert masks[0].shape == (2, SLOTS, 16, 16) and len(masks) == 4
    (classes[-1].square().sum() + masks[-1].square().sum()).backward()
    assert slots_have_gradient(slots) == (not options)


def test_another_number_of_slots_is_an_error_that_says_what_to_set():
    model = MODELS.build(load('mmdet/swaps/detr'))
    with pytest.raises(ConfigError, match='num_queries=16 .* num_slots=5 of the'):
        model.forward_transformer(features(torch.zeros(2, DIMS, 8, 8), slots=5))
