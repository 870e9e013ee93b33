"""WWT-DET's heads: what they predict, lose and pass back."""

import math
from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from wwt_mm.backbone import SlotMasks
from wwt_mm.detection import ClassAPMetric, MaskPoolBBoxHead, TokenBBoxHead
from wwt_mm.detection.mask_moments import boxes_around, coordinate_moments
from wwt_mm.errors import ConfigError

DIMS, HEADS, SLOTS, CLASSES, STRIDE = 8, 2, 5, 3, 16
TRAIN_CFG = ConfigDict(
    assigner=dict(
        type='HungarianAssigner',
        match_costs=[
            dict(type='ClassificationCost', weight=1.0),
            dict(type='BBoxL1Cost', weight=5.0, box_format='xywh'),
            dict(type='IoUCost', iou_mode='giou', weight=2.0),
        ],
    )
)


def make_head(kind=MaskPoolBBoxHead, **options):
    torch.manual_seed(0)
    options = dict(num_classes=CLASSES, embed_dims=DIMS, stride=STRIDE) | options
    if kind is MaskPoolBBoxHead:
        options.setdefault('num_heads', HEADS)
    return kind(train_cfg=TRAIN_CFG, test_cfg=dict(max_per_img=100), **options).eval()


def make_feat(height=4, width=6, batch=2, padding_mask=None):
    generator = torch.Generator().manual_seed(1)
    feat = SlotMasks(
        torch.randn(batch, SLOTS, DIMS, generator=generator),
        3 * torch.randn(batch, HEADS, SLOTS, height, width, generator=generator),
        torch.randn(batch, DIMS, height, width, generator=generator),
        padding_mask,
    )
    return feat


def make_samples(sizes, boxes_per_image):
    samples = []
    generator = torch.Generator().manual_seed(2)
    for (height, width), count in zip(sizes, boxes_per_image):
        corners = torch.rand(count, 2, 2, generator=generator)
        corners = corners.sort(1).values * torch.tensor([width, height])
        sample = DetDataSample(
            metainfo=dict(
                img_shape=(height, width),
                ori_shape=(2 * height, 2 * width),
                scale_factor=(0.5, 0.5),
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=corners.flatten(1),
            labels=torch.randint(CLASSES, (count,), generator=generator),
        )
        samples.append(sample)
    return samples


def pooled_by_loops(head, feat, extents, image, slot):
    """Tokens and coordinates, pooled with one slot's masks, head after head."""
    masks, tokens = feat.masks[image, :, slot], feat.tokens[image]
    if head.pool == 'head_mean':
        masks = masks.mean(0, keepdim=True)
    parts = []
    for mask in masks:
        weights = (mask / head.temperature).flatten().softmax(0)
        weights = weights.view(mask.shape)
        token, xy = torch.zeros(DIMS), torch.zeros(2)
        for i in range(mask.shape[0]):
            for j in range(mask.shape[1]):
                token += weights[i, j] * tokens[:, i, j]
                centre = torch.tensor([j + 0.5, i + 0.5]) / extents[image]
                xy += weights[i, j] * centre
        if isinstance(head.norm_pooled, torch.nn.LayerNorm):
            token = F.layer_norm(token, (DIMS,))
        parts += [token, xy]
    return torch.cat(parts)


@pytest.mark.parametrize('pool', ['per_head', 'head_mean'])
@pytest.mark.parametrize(
    'box_reference, norm', [('none', True), ('none', False), ('mask_moments', True)]
)
@torch.no_grad()
def test_boxes_come_from_tokens_and_coordinates_pooled_with_masks(
    pool, box_reference, norm
):
    head = make_head(
        pool=pool,
        norm_pooled=norm,
        box_reference=box_reference,
        temperature=2.0,
    )
    assert isinstance(head.norm_pooled, torch.nn.LayerNorm) == norm
    torch.nn.init.normal_(head.fc_reg.weight)
    feat, sizes = make_feat(), [(64, 96), (60, 81)]  # not whole tokens
    metas = [sample.metainfo for sample in make_samples(sizes, [0, 0])]
    extents = torch.tensor([[96.0, 64.0], [81.0, 60.0]]) / STRIDE
    logits, boxes = head((feat,), metas)
    torch.testing.assert_close(logits[0], head.fc_cls(feat.slots))
    for image in range(2):
        for slot in range(SLOTS):
            pooled = pooled_by_loops(head, feat, extents, image, slot)
            expected = head.fc_reg(head.reg_mlp(pooled))
            if box_reference == 'mask_moments':
                mask = feat.masks[image, :, slot].mean(0) / 2.0
                weights = mask.flatten().softmax(0).view(1, 1, *mask.shape)
                extent = extents[image : image + 1]
                box = boxes_around(*coordinate_moments(weights, extent), extent)
                x = box[0, 0].clamp(max=1)
                odds = x.clamp(min=0.02) / (1 - x).clamp(min=0.02)
                expected = expected + odds.log()
            torch.testing.assert_close(boxes[0, image, slot], expected.sigmoid())


@torch.no_grad()
def test_mask_moments_begin_with_the_box_around_the_mask():
    head = make_head(box_reference='mask_moments')
    masks = torch.full((1, HEADS, SLOTS, 4, 6), -50.0)
    masks[..., 1:3, 2:5] = 50.0
    feat = make_feat(batch=1)._replace(masks=masks)
    box = head((feat,))[1][0, 0, 0]
    assert box.tolist() == pytest.approx([3.5 / 6, 0.5, 0.5, 0.5], abs=1e-4)


@pytest.mark.parametrize('use_sigmoid', [False, True])
@pytest.mark.parametrize('kind', [MaskPoolBBoxHead, TokenBBoxHead])
@torch.no_grad()
def test_neither_predictions_nor_losses_depend_on_padding(kind, use_sigmoid):
    loss = dict(type='CrossEntropyLoss', use_sigmoid=use_sigmoid)
    head = make_head(kind, loss_cls=loss)
    alone = make_feat(batch=1)
    samples = make_samples([(64, 96)], [2])
    # An object in the corner: the empty box of a padded token would fit it best.
    samples[0].gt_instances.bboxes[0] = torch.tensor([1.0, 1, 9, 7])
    pad = (0, 3, 0, 2)
    padding = F.pad(torch.zeros(1, 4, 6, dtype=torch.bool), pad, value=True)
    padded = alone._replace(
        masks=F.pad(alone.masks, pad),
        tokens=F.pad(alone.tokens, pad),
        padding_mask=padding,
    )
    limit = SLOTS if kind is MaskPoolBBoxHead else 24
    head.test_cfg = dict(max_per_img=limit)
    (one,), (other,) = head.predict((alone,), samples), head.predict((padded,), samples)
    for name in ('bboxes', 'scores', 'labels'):
        torch.testing.assert_close(one[name], other[name])
    torch.testing.assert_close(
        head.loss((alone,), samples), head.loss((padded,), samples)
    )


@torch.no_grad()
def test_predicted_boxes_are_pixels_of_the_original_image():
    head = make_head()
    samples = make_samples([(64, 96), (48, 96)], [0, 0])
    logits, boxes = head((make_feat(),), [s.metainfo for s in samples])
    results = head.predict((make_feat(),), samples)
    for image, (height, width) in enumerate([(128, 192), (96, 192)]):
        scores = logits[0, image].softmax(-1)[:, :-1].max(-1).values
        order = scores.argsort(descending=True)
        x, y, w, h = boxes[0, image][order].unbind(-1)
        corners = torch.stack((x - w / 2, y - h / 2, x + w / 2, y + h / 2), -1)
        limits = torch.tensor([width, height, width, height])
        expected = (corners * limits).clamp(min=0).minimum(limits.float())
        torch.testing.assert_close(results[image].bboxes, expected)
        assert len(results[image]) == SLOTS  # fewer than max_per_img
    assert head.test_cfg == dict(max_per_img=100)


def test_classification_loss_weighs_background_like_detr():
    """Against the formula: cross entropy of matched classes, background at 0.1."""
    head = make_head()
    samples = make_samples([(64, 96)], [2])
    feat = make_feat(batch=1)
    metas = [samples[0].metainfo]
    logits, boxes = head((feat,), metas)
    targets = head.get_targets(
        [logits[0, 0]], [boxes[0, 0]], [samples[0].gt_instances], metas
    )
    labels = targets[0][0]
    assert sorted(labels[labels < CLASSES].tolist()) == sorted(
        samples[0].gt_instances.labels.tolist()
    )
    expected = 0.0
    for query, label in enumerate(labels.tolist()):
        weight = 0.1 if label == CLASSES else 1.0
        expected -= weight * logits[0, 0, query].log_softmax(-1)[label].item()
    expected /= 2 * 1.0 + (SLOTS - 2) * 0.1
    losses = head.loss((feat,), samples)
    assert losses['loss_cls'].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('kind', [MaskPoolBBoxHead, TokenBBoxHead])
def test_images_without_boxes_train_the_background_only(kind):
    head = make_head(kind).train()
    losses = head.loss((make_feat(),), make_samples([(64, 96)] * 2, [0, 0]))
    assert losses['loss_cls'] > 0
    assert losses['loss_bbox'] == losses['loss_iou'] == 0
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert head.fc_cls.weight.grad.abs().sum() > 0


def test_more_boxes_than_slots_are_counted_and_told_once():
    head = make_head().train()
    samples = make_samples([(64, 96), (64, 96)], [SLOTS + 3, 2])
    with patch('wwt_mm.detection.query_bbox_head.print_log') as print_log:
        losses = [head.loss((make_feat(),), samples) for _ in range(2)]
    assert [loss['unmatched_boxes'] for loss in losses] == [3, 3]
    assert head.num_unmatched_boxes == 6
    assert torch.isfinite(losses[0]['loss_bbox'])
    print_log.assert_called_once()
    assert 'has 8 boxes and the model 5 queries' in print_log.call_args.args[0]


def test_gradients_reach_slots_masks_and_tokens():
    head = make_head(box_reference='mask_moments').train()
    torch.nn.init.normal_(head.fc_reg.weight)
    feat = make_feat()
    parts = [part.requires_grad_() for part in feat[:3]]
    losses = head.loss((feat,), make_samples([(64, 96)] * 2, [2, 1]))
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(part.grad.abs().sum() > 0 for part in parts)
    assert all(p.grad is not None for p in head.parameters() if p.requires_grad)


def test_plain_regression_passes_box_gradients_through_masks():
    """The mask is where the box is: sec. 3.2 (d), "in a differentiable manner"."""
    head, feat = make_head().train(), make_feat()
    feat.masks.requires_grad_()
    head((feat,))[1].sum().backward()
    assert feat.masks.grad.abs().sum() > 0


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_losses_stay_finite_under_autocast(dtype):
    head = make_head(box_reference='mask_moments').train()
    with torch.autocast('cpu', dtype):
        losses = head.loss((make_feat(),), make_samples([(64, 96)] * 2, [2, 1]))
    assert all(torch.isfinite(value) for value in losses.values())


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(pool='max'), "pool='max' is unknown"),
        (dict(box_reference='mask'), "box_reference='mask' is unknown"),
        (dict(temperature=0), 'temperature=0 must be positive'),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        make_head(**options)


def test_a_backbone_without_slots_is_told_apart():
    with pytest.raises(ConfigError, match="set out_type='slot_masks'"):
        make_head()((torch.zeros(1, DIMS, 4, 4),))
    with pytest.raises(ConfigError, match='embed_dims=16 .* differs from the 8'):
        make_head(embed_dims=16)((make_feat(),))


def test_heads_are_built_from_mmdets_registry():
    cfg = dict(type='MaskPoolBBoxHead', num_classes=3, embed_dims=8, num_heads=2)
    assert isinstance(MODELS.build(cfg), MaskPoolBBoxHead)


def test_scores_of_a_head_with_sigmoid_are_of_classes_alone():
    logits = torch.tensor([[[2.0, -1.0, 0.0]]])
    loss = dict(type='FocalLoss', use_sigmoid=True)
    head = make_head(loss_cls=loss)
    assert head.to_scores(logits).tolist() == logits.sigmoid().tolist()
    logits = torch.tensor([[[2.0, -1.0, 0.0, 1.0]]])
    assert make_head().to_scores(logits).shape == (1, 1, 3)


def test_scores_are_the_softmax_without_background():
    logits = torch.tensor([[[2.0, -1.0, 0.0, 1.0]]])
    powers = [math.exp(logit) for logit in (2, -1, 0, 1)]
    expected = [power / sum(powers) for power in powers[:3]]
    assert make_head().to_scores(logits)[0, 0].tolist() == pytest.approx(expected)


def test_background_weighs_as_told():
    assert make_head(bg_cls_weight=0.4).loss_cls.class_weight == [1.0] * CLASSES + [0.4]


def ap_of(mode, boxes, predicted):
    """AP of one image of cats, all predictions with a score of 0.9."""
    none = dict(bboxes=torch.zeros(0, 4), labels=torch.zeros(0).long())
    truth = dict(bboxes=torch.tensor(boxes), labels=torch.zeros(len(boxes)).long())
    found = dict(bboxes=torch.tensor(predicted), labels=torch.zeros(1).long())
    found['scores'] = torch.tensor([0.9])
    metric = ClassAPMetric(eval_mode=mode)
    metric.dataset_meta = dict(classes=('cat',))
    sample = dict(gt_instances=truth, ignored_instances=none, pred_instances=found)
    metric.process({}, [sample])
    return metric.evaluate(1)['pascal_voc/AP50.cat']


def test_the_last_pixel_belongs_to_a_box_of_voc():
    # 50 of 100 pixels: an IoU of 0.5; without the last pixels it would be 4 / 9.
    assert ap_of('area', [(0.0, 0, 9, 9)], [(0.0, 0, 9, 4)]) == 1


def test_ap_of_voc_2007_is_read_at_11_recalls():
    # One of two cats is found: precision is 1 at the recalls 0, 0.1, ..., 0.5.
    boxes = [(0.0, 0, 9, 9), (50.0, 50, 69, 69)]
    assert ap_of('11points', boxes, boxes[:1]) == pytest.approx(6 / 11)


def test_boxes_of_padded_tokens_are_empty():
    padding = torch.zeros(1, 4, 6, dtype=torch.bool)
    padding[:, 3:] = True
    feat = make_feat(batch=1, padding_mask=padding)
    boxes = make_head(TokenBBoxHead)((feat,))[1][0, 0]
    assert (boxes[18:] == 0).all() and (boxes[:18] > 0).all()
