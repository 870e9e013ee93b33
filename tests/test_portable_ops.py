"""Ops without a compiler do what mmcv's compiled ones do, forward and backward.

They are called as the libraries do, through ``mmcv.ops``, whose extension each test
replaces, so that the tests mean the same where mmcv is compiled.
"""

import sys
from itertools import product

import pytest
import torch
from mmcv.ops import RoIAlign, batched_nms, nms, roi_align, sigmoid_focal_loss
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction

from wwt_mm import portable_ops
from wwt_mm.compat import has_compiled_ops
from wwt_mm.errors import MissingOpError

USERS = ('nms', 'roi_align', 'focal_loss', 'multi_scale_deform_attn')
needs_compiled_ops = pytest.mark.skipif(
    not has_compiled_ops(),
    reason='mmcv has no compiled ops to compare with (make install WITH_OPS=1)',
)


@pytest.fixture(autouse=True)
def _portable(monkeypatch):
    torch.manual_seed(0)
    for user in USERS:
        module = sys.modules[f'mmcv.ops.{user}']
        monkeypatch.setattr(module, 'ext_module', portable_ops)


def random_boxes(number, size=20.0, least=0.5):
    corner = torch.rand(number, 2, dtype=torch.float64) * size
    sides = least + torch.rand(number, 2, dtype=torch.float64) * size / 2
    return torch.cat([corner, corner + sides], 1)


def iou(a, b, offset):
    width, height = (min(a[d + 2], b[d + 2]) - max(a[d], b[d]) + offset for d in (0, 1))
    intersection = max(0, width) * max(0, height)
    areas = [(x2 - x1 + offset) * (y2 - y1 + offset) for x1, y1, x2, y2 in (a, b)]
    return intersection / (sum(areas) - intersection)


def nms_by_loops(boxes, scores, threshold, offset):
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(iou(boxes[i], boxes[j], offset) <= threshold for j in kept):
            kept.append(i)
    return kept


@pytest.mark.parametrize(('threshold', 'offset'), product((0.1, 0.3, 0.6), (0, 1)))
def test_nms_keeps_what_loops_keep(threshold, offset):
    boxes, scores = random_boxes(60), torch.rand(60, dtype=torch.float64)
    dets, kept = nms(boxes, scores, threshold, offset)
    expected = nms_by_loops(boxes.tolist(), scores.tolist(), threshold, offset)
    assert 5 < len(expected) < 60
    assert kept.tolist() == expected
    assert torch.equal(dets, torch.cat([boxes, scores[:, None]], 1)[expected])


def test_the_offset_matters():
    # Pixels 0 to 1 and 1 to 2: of lines, they share a point; of pixels, a third.
    boxes = torch.tensor([[0.0, 0, 1, 1], [1, 0, 2, 1]])
    scores = torch.tensor([0.9, 0.8])
    assert nms(boxes, scores, 0.3, offset=0)[1].tolist() == [0, 1]
    assert nms(boxes, scores, 0.3, offset=1)[1].tolist() == [0]


def test_nms_keeps_its_options_empty_input_and_half_precision():
    boxes, scores = random_boxes(30), torch.rand(30, dtype=torch.float64)
    _, kept = nms(boxes, scores, 0.3, score_threshold=0.5, max_num=3)
    alive = [i for i in range(30) if scores[i] > 0.5]
    expected = nms_by_loops(boxes[alive].tolist(), scores[alive].tolist(), 0.3, 0)
    assert kept.tolist() == [alive[i] for i in expected[:3]]
    dets, kept = nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert dets.shape == (0, 5) and kept.shape == (0,)
    assert len(nms(boxes.bfloat16(), scores.bfloat16(), 0.3)[1]) > 0
    dets, kept = nms(boxes.numpy(), scores.numpy(), 0.3)
    assert kept.tolist() == nms_by_loops(boxes.tolist(), scores.tolist(), 0.3, 0)


def test_nms_of_a_batch_leaves_classes_apart():
    boxes = torch.tensor([[0.0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 8]])
    scores, classes = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 1, 0])
    _, kept = batched_nms(boxes, scores, classes, dict(type='nms', iou_threshold=0.5))
    assert kept.tolist() == [0, 1]


def sample(feature, y, x):
    """Value ``(C,)`` between pixels; 0 further than one pixel outside the map."""
    height, width = feature.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return feature[:, 0, 0] * 0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = feature[:, top, left] * (1 - across) + feature[:, top, right] * across
    lower = feature[:, bottom, left] * (1 - across) + feature[:, bottom, right] * across
    return upper * (1 - down) + lower * down


def roi_align_by_loops(features, rois, size, scale, ratio, aligned):
    """The mean of bilinear samples in each of ``size`` bins of each region."""
    output = features.new_zeros(len(rois), features.shape[1], *size)
    shift = 0.5 if aligned else 0.0
    for n, (image, *corners) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (corner * scale - shift for corner in corners)
        least = 0.0 if aligned else 1.0
        bin_h, bin_w = max(y2 - y1, least) / size[0], max(x2 - x1, least) / size[1]
        rows = ratio if ratio > 0 else -int(-bin_h // 1)
        columns = ratio if ratio > 0 else -int(-bin_w // 1)
        for i, j, p, q in product(*map(range, (*size, rows, columns))):
            y = y1 + (i + (p + 0.5) / rows) * bin_h
            x = x1 + (j + (q + 0.5) / columns) * bin_w
            output[n, :, i, j] += sample(features[int(image)], y, x) / (rows * columns)
    return output


ROI_ALIGN_CASES = list(product((True, False), (0, 2), (1.0, 0.5)))


def roi_align_inputs():
    features = torch.randn(2, 3, 9, 11, dtype=torch.float64)
    images = torch.tensor([[0.0], [1], [1], [0], [0]], dtype=torch.float64)
    boxes = random_boxes(5, 16)
    boxes[3] = torch.tensor([-6.0, -3, 30, 25])  # larger than the map
    boxes[4] = torch.tensor([3.0, 4, 3.2, 4.1])  # smaller than a pixel
    return features, torch.cat([images, boxes], 1)


@pytest.mark.parametrize(('aligned', 'ratio', 'scale'), ROI_ALIGN_CASES)
def test_roi_align_is_the_mean_of_samples_in_each_bin(aligned, ratio, scale):
    features, rois = roi_align_inputs()
    pooled = roi_align(features, rois, (3, 2), scale, ratio, 'avg', aligned)
    expected = roi_align_by_loops(features, rois, (3, 2), scale, ratio, aligned)
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(('aligned', 'ratio', 'scale'), ROI_ALIGN_CASES)
def test_the_gradient_of_roi_align_is_that_of_the_loops(aligned, ratio, scale):
    features, rois = roi_align_inputs()
    features.requires_grad_()
    # Regions' corners get no gradient, in mmcv either.
    weight = torch.randn(5, 3, 2, 3, dtype=torch.float64).mT
    gradients = [
        torch.autograd.grad((pooled * weight).sum(), features)[0]
        for pooled in (
            roi_align(features, rois, (3, 2), scale, ratio, 'avg', aligned),
            roi_align_by_loops(features, rois, (3, 2), scale, ratio, aligned),
        )
    ]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


def test_roi_align_passes_gradcheck():
    features, rois = roi_align_inputs()
    features = features[:, :1].clone().requires_grad_()
    layer = RoIAlign((2, 2), spatial_scale=0.5, sampling_ratio=2)
    assert torch.autograd.gradcheck(layer, (features, rois))


def test_roi_align_of_no_region_is_empty_and_has_a_gradient_of_zeros():
    features = torch.randn(1, 2, 5, 5, requires_grad=True)
    pooled = roi_align(features, torch.zeros(0, 5), (7, 7), 1.0)
    assert pooled.shape == (0, 2, 7, 7)
    pooled.sum().backward()
    assert torch.equal(features.grad, torch.zeros_like(features))


def test_the_maximum_in_a_bin_is_named_as_missing():
    features, rois = roi_align_inputs()
    with pytest.raises(MissingOpError, match="roi_align_forward with pool_mode='max'"):
        roi_align(features, rois, (2, 2), 1.0, 0, 'max', True)


@pytest.mark.parametrize('reduction', ['none', 'mean', 'sum'])
@pytest.mark.parametrize('weighted', [False, True])
def test_the_focal_loss_and_its_gradient_are_the_formula(reduction, weighted):
    logits = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 3, 2, 2, 1, 0])
    weight = torch.rand(4, dtype=torch.float64) if weighted else None
    if not weighted:
        target[5] = 4  # background
    loss = sigmoid_focal_loss(logits, target, 1.5, 0.3, weight, reduction)
    expected = logits.new_zeros(6, 4)
    for n, c in product(range(6), range(4)):
        p = logits[n, c].sigmoid()
        if target[n] == c:
            expected[n, c] = -0.3 * (1 - p) ** 1.5 * p.log()
        else:
            expected[n, c] = -0.7 * p**1.5 * (1 - p).log()
        if weighted:
            expected[n, c] = expected[n, c] * weight[target[n]]
    if reduction != 'none':
        expected = expected.sum() / (6 if reduction == 'mean' else 1)
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad(x.sum(), logits)[0] for x in (loss, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


def attention_inputs():
    shapes = torch.tensor([[4, 5], [2, 3]])
    value = torch.randn(2, 26, 2, 3, dtype=torch.float64, requires_grad=True)
    locations = torch.rand(2, 4, 2, 2, 3, 2, dtype=torch.float64) * 1.2 - 0.1
    weights = torch.rand(2, 4, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    starts = torch.tensor([0, 20])
    return value, shapes, starts, locations.requires_grad_(), weights, 64


def test_deformable_attention_is_the_weighted_sum_of_samples():
    value, shapes, starts, locations, weights, step = inputs = attention_inputs()
    expected = torch.zeros(2, 4, 2, 3, dtype=torch.float64)
    for b, q, h, level, p in product(*map(range, weights.shape)):
        rows, columns = shapes[level].tolist()
        first = starts[level].item()
        feature = value[b, first : first + rows * columns, h].T
        feature = feature.unflatten(1, (rows, columns))
        padded = torch.nn.functional.pad(feature, (2, 2, 2, 2))
        x, y = (locations[b, q, h, level, p] * torch.tensor([columns, rows])).tolist()
        # Pixel centres lie at halves; outside there are zeros.
        sampled = sample(padded, y - 0.5 + 2, x - 0.5 + 2)
        expected[b, q, h] += sampled * weights[b, q, h, level, p]
    output = MultiScaleDeformableAttnFunction.apply(*inputs)
    torch.testing.assert_close(output, expected.flatten(2), rtol=0, atol=1e-12)


def test_deformable_attention_passes_gradcheck():
    assert torch.autograd.gradcheck(
        MultiScaleDeformableAttnFunction.apply, attention_inputs()
    )


@needs_compiled_ops
@pytest.mark.parametrize('offset', [0, 1])
def test_compiled_nms_keeps_the_same(offset, monkeypatch):
    from mmcv import _ext

    boxes, scores = random_boxes(200).float(), torch.rand(200)
    ours = nms(boxes, scores, 0.4, offset)[1]
    monkeypatch.setattr(sys.modules['mmcv.ops.nms'], 'ext_module', _ext)
    assert torch.equal(ours, nms(boxes, scores, 0.4, offset)[1])


@needs_compiled_ops
@pytest.mark.parametrize(('aligned', 'ratio', 'scale'), ROI_ALIGN_CASES)
def test_compiled_roi_align_gives_the_same(aligned, ratio, scale, monkeypatch):
    from mmcv import _ext

    features, rois = roi_align_inputs()
    features.requires_grad_()
    results = []
    for extension in (portable_ops, _ext):
        monkeypatch.setattr(sys.modules['mmcv.ops.roi_align'], 'ext_module', extension)
        pooled = roi_align(features, rois, (3, 2), scale, ratio, 'avg', aligned)
        results.append((pooled, *torch.autograd.grad(pooled.square().sum(), features)))
    torch.testing.assert_close(*results, rtol=0, atol=1e-12)
