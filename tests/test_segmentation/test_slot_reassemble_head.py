"""The heads against loops, and where their labels lie in the image."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmseg.registry import MODELS

from wwt_mm.backbone import SlotMasks
from wwt_mm.errors import ConfigError
from wwt_mm.segmentation.slot_reassemble_head import size_of

STRIDES = (16, 8, 4, 1)


def build(kind='SlotReassembleHead', **options):
    defaults = dict(
        type=kind,
        in_channels=6,
        channels=7,
        num_classes=4,
        dropout_ratio=0,
        patch_size=16,
    )
    if kind == 'SlotReassembleHead':
        defaults.update(num_slots=5, num_heads=2)
    return MODELS.build(defaults | options).double().eval()


def upsample_by_loops(maps, weight, bias):
    """A transposed convolution whose kernel is as large as its step."""
    channels, h, w = maps.shape
    scale = weight.shape[-1]
    out = maps.new_zeros(weight.shape[1], h * scale, w * scale)
    for o in range(weight.shape[1]):
        for y in range(h * scale):
            for x in range(w * scale):
                out[o, y, x] = bias[o] + sum(
                    maps[i, y // scale, x // scale] * weight[i, o, y % scale, x % scale]
                    for i in range(channels)
                )
    return out


def scores_by_loops(head, slots):
    """Class scores (K, C) of slots (K, D)."""
    mlp, conv = head.slot_mlp[0], head.conv_seg
    rows = []
    for slot in slots:
        hidden = mlp.weight @ slot + mlp.bias
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
        rows.append(conv.weight[:, :, 0, 0] @ hidden + conv.bias)
    return torch.stack(rows)


@torch.no_grad()
def randomise(head):
    for parameter in head.parameters():
        parameter.normal_()


def norm_by_loops(masks, norm):
    """Masks (H, K, h, w), each patch's normalised over heads and slots."""
    out = torch.empty_like(masks)
    weight, bias = (p.view(masks.shape[:2]) for p in (norm.weight, norm.bias))
    for y in range(masks.shape[2]):
        for x in range(masks.shape[3]):
            patch = masks[:, :, y, x]
            deviation = (patch.var(unbiased=False) + norm.eps).sqrt()
            out[:, :, y, x] = (patch - patch.mean()) / deviation * weight + bias
    return out


@pytest.mark.parametrize('mixing', ['learned', 'mean'])
@pytest.mark.parametrize('stride', [16, 8])
@pytest.mark.parametrize('norm_masks', [True, False])
@torch.no_grad()
def test_logits_are_sums_over_slots_of_class_score_times_mask(
    slot_masks, mixing, stride, norm_masks
):
    head = build(mixing=mixing, stride=stride, norm_masks=norm_masks)
    randomise(head)
    feature = slot_masks()
    logits = head([feature])
    for image in range(2):
        raw = feature.masks[image]
        raw = norm_by_loops(raw, head.norm_masks) if norm_masks else raw
        if mixing == 'mean':
            masks = sum(raw) / 2
            layers = list(head.reassemble)
        else:
            project, *layers = head.reassemble
            stacked = [m for one_head in raw for m in one_head]
            masks = torch.stack(
                [
                    sum(w * m for w, m in zip(weights.flatten(), stacked, strict=True))
                    + bias
                    for weights, bias in zip(project.weight, project.bias, strict=True)
                ]
            )
        for layer in layers:
            masks = upsample_by_loops(masks, layer.weight, layer.bias)
        scores = scores_by_loops(head, feature.slots[image])
        expected = torch.zeros_like(logits[image])
        for c in range(4):
            for y in range(expected.shape[1]):
                for x in range(expected.shape[2]):
                    expected[c, y, x] = sum(
                        scores[k, c] * masks[k, y, x] for k in range(5)
                    )
        torch.testing.assert_close(logits[image], expected)


@torch.no_grad()
def test_token_head_classifies_each_upsampled_token(slot_masks):
    head = build('TokenReassembleHead', stride=8)
    randomise(head)
    feature = slot_masks()
    logits = head([feature])
    project, up = head.reassemble
    norm = head.norm_tokens
    for image in range(2):
        tokens = feature.tokens[image]
        mapped = torch.empty(7, *tokens.shape[1:], dtype=torch.float64)
        for y in range(tokens.shape[1]):
            for x in range(tokens.shape[2]):
                token = tokens[:, y, x]
                token = (token - token.mean()) / (
                    token.var(unbiased=False) + norm.eps
                ).sqrt()
                token = token * norm.weight + norm.bias
                mapped[:, y, x] = project.weight[:, :, 0, 0] @ token + project.bias
        mapped = upsample_by_loops(mapped, up.weight, up.bias)
        hidden = mapped * 0.5 * (1 + torch.erf(mapped / 2**0.5))
        for y in range(logits.shape[2]):
            for x in range(logits.shape[3]):
                expected = (
                    head.conv_seg.weight[:, :, 0, 0] @ hidden[:, y, x]
                    + head.conv_seg.bias
                )
                torch.testing.assert_close(logits[image, :, y, x], expected)


@pytest.mark.parametrize('stride', STRIDES)
@pytest.mark.parametrize('upsampling', ['deconv', 'bilinear'])
def test_stride_gives_one_position_per_so_many_pixels(slot_masks, stride, upsampling):
    head = build(stride=stride, upsampling=upsampling)
    assert head([slot_masks(3, 4)]).shape == (2, 4, 48 // stride, 64 // stride)


@pytest.mark.parametrize('stride', STRIDES)
def test_learned_mixing_starts_as_the_mean_over_heads(slot_masks, stride):
    learned, mean = (build(mixing=m, stride=stride) for m in ('learned', 'mean'))
    learned.load_state_dict(
        {k: v for k, v in mean.state_dict().items() if 'reassemble' not in k},
        strict=False,
    )
    feature = slot_masks()
    torch.testing.assert_close(learned([feature]), mean([feature]))


@torch.no_grad()
def label_rectangle(height, width, rectangle, stride, mixing, upsampling='deconv'):
    """Labels of an image with one slot's mask on a rectangle of whole patches."""
    head = build(
        num_slots=2,
        stride=stride,
        mixing=mixing,
        upsampling=upsampling,
        channels=2,
        norm_masks=False,
    )
    # Slot 0 is of class 3, slot 1 of class 1.
    head.slot_mlp = torch.nn.Identity()
    head.conv_seg.weight.zero_()
    head.conv_seg.bias.zero_()
    head.conv_seg.weight[3, 0] = head.conv_seg.weight[1, 1] = 1
    slots = torch.eye(2, dtype=torch.float64)[None]
    h, w = -(-height // 16), -(-width // 16)
    y1, x1, y2, x2 = rectangle
    masks = torch.zeros(1, 2, 2, h, w, dtype=torch.float64)
    masks[:, :, 0, y1:y2, x1:x2] = 1
    masks[:, :, 1] = 1 - masks[:, :, 0]
    tokens = torch.zeros(1, 6, h, w, dtype=torch.float64)
    metas = [dict(img_shape=(height, width), ori_shape=(height, width))]
    logits = head.predict([SlotMasks(slots, masks, tokens)], metas, None)
    return logits[0].argmax(0)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(17, 90),
    width=st.integers(17, 90),
    stride=st.sampled_from(STRIDES),
    mixing=st.sampled_from(['learned', 'mean']),
    data=st.data(),
)
def test_a_mask_on_a_rectangle_labels_that_rectangle(
    height, width, stride, mixing, data
):
    h, w = -(-height // 16), -(-width // 16)
    y1 = data.draw(st.integers(0, h - 1))
    x1 = data.draw(st.integers(0, w - 1))
    y2 = data.draw(st.integers(y1 + 1, h))
    x2 = data.draw(st.integers(x1 + 1, w))
    labels = label_rectangle(height, width, (y1, x1, y2, x2), stride, mixing)
    expected = torch.full((height, width), 1)
    expected[16 * y1 : 16 * y2, 16 * x1 : 16 * x2] = 3
    assert labels.shape == expected.shape
    wrong = (labels != expected).nonzero()
    # Bilinear resizing rounds corners, within half of a position.
    corners = torch.tensor([[16 * y, 16 * x] for y in (y1, y2) for x in (x1, x2)])
    reach = stride / 2
    distance = (wrong[:, None] + 0.5 - corners).abs().amax(2).amin(1)
    assert (distance <= reach).all()


@pytest.mark.parametrize('upsampling', ['deconv', 'bilinear'])
def test_at_full_resolution_only_interpolation_can_round_a_corner(upsampling):
    labels = label_rectangle(61, 47, (1, 0, 3, 2), 1, 'mean', upsampling)
    expected = torch.full((61, 47), 1)
    expected[16:48, 0:32] = 3
    wrong = int((labels != expected).sum())
    assert wrong == 0 if upsampling == 'deconv' else wrong < 100


@pytest.mark.parametrize('stride', [4, 16])
def test_labels_of_a_crop_that_is_no_multiple_of_the_patch_stay_in_place(stride):
    head = build(stride=stride)
    logits = torch.randn(1, 4, 64 // stride, 48 // stride, dtype=torch.float64)
    full, cropped = (
        head.predict_by_feat(logits, [dict(img_shape=size)])
        for size in ((64, 48), (50, 37))
    )
    torch.testing.assert_close(cropped, full[..., :50, :37])


def test_other_features_than_slot_masks_are_refused_with_advice():
    with pytest.raises(ConfigError, match="out_type='slot_masks'"):
        build()([torch.zeros(1, 6, 3, 4)])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(stride=5), 'must divide patch_size=16'),
        (dict(stride=0), 'must divide patch_size=16'),
        (dict(mixing='max'), "mixing='max' is unknown"),
        (dict(upsampling='nearest'), "upsampling='nearest' is unknown"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        build(**options)


@pytest.mark.parametrize('kind', ['SlotReassembleHead', 'TokenReassembleHead'])
def test_heads_compile_and_agree_with_themselves_uncompiled(slot_masks, kind):
    head = build(kind, stride=8)
    compiled = torch.compile(head, backend='eager', fullgraph=True)
    feature = slot_masks()
    torch.testing.assert_close(compiled([feature]), head([feature]))


@pytest.mark.parametrize('kind', ['SlotReassembleHead', 'TokenReassembleHead'])
def test_heads_run_under_autocast_near_their_full_precision(slot_masks, kind):
    head = build(kind, stride=8).float()
    feature = SlotMasks(*(x.float() for x in slot_masks()[:3]))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        low = head([feature])
    full = head([feature])
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(low.float(), full, rtol=0.05, atol=0.05)


def test_logits_have_the_size_that_mmseg_asks_for():
    meta = dict(img_shape=(48, 32), pad_shape=(64, 80))
    logits = torch.randn(1, 4, 16, 20).double()
    assert build(stride=4).predict_by_feat(logits, [meta]).shape[2:] == (64, 80)
    # A window of a sliding test is told as torch.Size, beside the image's padding.
    window = dict(img_shape=torch.Size((64, 64)), pad_shape=(80, 112))
    assert size_of(window) == (64, 64)
    assert size_of(dict(img_shape=(48, 32))) == (48, 32)
