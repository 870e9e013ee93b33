"""Equations (1) to (6), against loops."""

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from wwt_mm.backbone import WhatWhereBlock
from wwt_mm.backbone.drop_path import DropPath

from . import reference

HEADS, SLOTS, DIMS, TOKENS = 2, 3, 8, 5


def make_block(mask_mlp=True, norm_scores=False, drop_path_rate=0.0, one_product=None):
    torch.manual_seed(0)
    block = WhatWhereBlock(
        DIMS,
        HEADS,
        SLOTS,
        mlp_ratios=(2, 3, 1.5),
        mask_mlp=mask_mlp,
        norm_scores=norm_scores,
        drop_rate=0.0,
        drop_path_rate=drop_path_rate,
        norm_cfg=dict(type='LN', eps=1e-6),
        act_cfg=dict(type='GELU'),
    ).double()
    for parameter in block.parameters():  # norms and biases that do something
        torch.nn.init.normal_(parameter, std=0.5)
    block.attn.one_product = one_product
    return block


def make_inputs(batch=2, tokens=TOKENS):
    generator = torch.Generator().manual_seed(1)
    shapes = (tokens, DIMS), (SLOTS, DIMS), (tokens, HEADS * SLOTS)
    return [
        torch.randn(batch, *shape, generator=generator, dtype=torch.float64)
        for shape in shapes
    ]


@pytest.mark.parametrize(
    'mask_mlp, norm_scores', [(True, False), (True, True), (False, False)]
)
@pytest.mark.parametrize('padding', [(), (1, 4)])
@pytest.mark.parametrize('one_product', [False, True])
def test_block_equals_the_equations_written_with_loops(
    mask_mlp, norm_scores, padding, one_product
):
    block = make_block(mask_mlp, norm_scores, one_product=one_product)
    inputs, mask = make_inputs(), None
    if padding:
        mask = torch.zeros(2, TOKENS, dtype=torch.bool)
        mask[:, list(padding)] = True
    with torch.no_grad():
        outputs = block(*inputs, mask)
    params = block.state_dict()
    for image in range(2):
        x, s, m = (x[image] for x in inputs)
        m = m.unflatten(1, (HEADS, SLOTS)).transpose(0, 1)
        new_x, new_s, new_m = reference.block(
            params, x, s, m, HEADS, mask_mlp, padding, norm_scores
        )
        expected = new_x, new_s, new_m.transpose(0, 1).flatten(1)
        for got, want in zip(outputs, expected):
            torch.testing.assert_close(got[image], want, rtol=0, atol=1e-12)


def test_slots_alone_are_the_slots_of_the_whole_block():
    block, inputs = make_block(), make_inputs()
    tokens, slots, masks = block(*inputs, slots_only=True)
    assert tokens is None and masks is None
    assert torch.equal(slots, block(*inputs)[1])


def test_slots_shared_by_all_images_are_those_of_each_image():
    block, (tokens, slots, masks) = make_block(), make_inputs()
    shared = block(tokens, slots[:1], masks)
    for got, want in zip(shared, block(tokens, slots[:1].expand(2, -1, -1), masks)):
        torch.testing.assert_close(got, want, rtol=0, atol=1e-12)


def test_without_gradients_the_results_are_the_same_and_no_input_changes():
    block, inputs = make_block(), make_inputs()
    before = [tensor.clone() for tensor in inputs]
    with torch.no_grad():
        without = block(*inputs)
    for got, want in zip((*without, *inputs), (*block(*inputs), *before)):
        assert torch.equal(got, want)


def test_no_masks_means_masks_of_zeros():
    block, (tokens, slots, masks) = make_block(), make_inputs()
    without = block(tokens, slots, None)
    for got, want in zip(without, block(tokens, slots, torch.zeros_like(masks))):
        torch.testing.assert_close(got, want, rtol=0, atol=0)


@pytest.mark.parametrize('norm_scores', [False, True])
@pytest.mark.parametrize('one_product', [False, True])
def test_gradients_are_those_of_finite_differences(norm_scores, one_product):
    block = make_block(norm_scores=norm_scores, one_product=one_product)
    inputs = make_inputs(batch=1)
    for x in inputs:
        x.requires_grad_()
    assert torch.autograd.gradcheck(block, tuple(inputs))


def test_masks_are_not_added_to_their_update():
    """Eq. (6) has no residual: with MLP_m at zero, masks of any size vanish."""
    block, (tokens, slots, masks) = make_block(), make_inputs()
    torch.nn.init.zeros_(block.mlp_masks[3].weight)
    torch.nn.init.zeros_(block.mlp_masks[3].bias)
    assert not block(tokens, slots, 1e6 * masks)[2].any()


def test_normalised_scores_keep_masks_from_growing_with_them():
    block, (tokens, slots, masks) = make_block(norm_scores=True), make_inputs()
    small, large = (block(tokens, slots, scale * masks)[2] for scale in (1e3, 1e6))
    torch.testing.assert_close(large, small, rtol=1e-2, atol=1e-2)


def test_drop_path_drops_whole_branches_and_never_masks():
    block, (tokens, slots, masks) = make_block(drop_path_rate=0.9), make_inputs(64)
    tokens, slots, masks = (x[:1].expand_as(x) for x in (tokens, slots, masks))
    torch.manual_seed(0)
    new_tokens, new_slots, new_masks = block.train()(tokens, slots, masks)
    kept = (new_tokens == tokens).flatten(1).all(1)
    assert 0 < kept.sum() < len(kept)
    assert (new_slots == slots).flatten(1).all(1).any()
    # Without its branches an image's masks still come from MLP_m of its scores.
    assert not (new_masks == masks).any()


def test_stochastic_depth_keeps_the_mean_and_is_off_in_evaluation():
    torch.manual_seed(0)
    drop, updates = DropPath(0.3), torch.ones(20_000, 2, 3)
    dropped = drop(updates)
    scales = dropped[:, 0, 0]
    assert torch.equal(dropped, scales[:, None, None].expand_as(dropped))
    kept = (scales - 1 / 0.7).abs() < 1e-5
    assert (kept | (scales == 0)).all()
    assert kept.float().mean().item() == pytest.approx(0.7, abs=0.01)
    assert torch.equal(drop.eval()(updates), updates)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_tokens_and_slots_stay_floats_under_autocast(dtype):
    """Updates and masks are halves, what they are added to is not, as in a DeiT."""
    block = make_block(drop_path_rate=0.5).float().train()
    tokens, slots, masks = (x.float() for x in make_inputs())
    with torch.autocast('cpu', dtype):
        new_tokens, new_slots, new_masks = block(tokens, slots, masks.to(dtype))
    assert new_tokens.dtype == new_slots.dtype == torch.float32
    assert new_masks.dtype == dtype


def test_compiled_blocks_share_one_graph_whatever_their_drop_path():
    counter = CompileCounter()
    torch._dynamo.reset()
    inputs = [x.float() for x in make_inputs()]
    for rate in torch.arange(1, 12) / 20:
        block = make_block(drop_path_rate=rate.item()).float().train()
        torch.compile(block, backend=counter, fullgraph=True)(*inputs)
    assert counter.frame_count == 1
