"""Label maps from a classifier: activations, choice of classes, geometry."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import load_state_dict
from mmpretrain.registry import MODELS as CLASSIFIERS
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import wwt_mm.classification
import wwt_mm.segmentation.weak_attention_segmentor  # noqa: F401  (registers it)
from wwt_mm.backbone import SlotMasks
from wwt_mm.classification import record_attentions, rollout
from wwt_mm.engine import load_config
from wwt_mm.errors import ConfigError, DatasetError

from .conftest import CONFIGS

TINY = dict(_delete_=True, embed_dims=12, num_layers=2, num_heads=2)
WWT = {
    'model.backbone.arch': TINY,
    'model.backbone.num_slots': 5,
    'model.backbone.img_size': 32,
    'model.backbone.patch_size': 8,
    'model.patch_size': 8,
    'model.head.num_classes': 4,
    'model.head.in_channels': 12,
    'model.num_classes': 4,
}
VIT = {
    'model.backbone.arch': TINY | dict(feedforward_channels=24),
    'model.backbone.img_size': 32,
    'model.backbone.patch_size': 8,
    'model.patch_size': 8,
    'model.head.num_classes': 4,
    'model.head.in_channels': 12,
    'model.num_classes': 4,
}


def build(name='weak/wwt_weak_scenes', **options):
    shrunk = VIT if '/vit' in name else WWT
    options = {f'model.{key}': value for key, value in options.items()}
    return MODELS.build(load_config(CONFIGS / f'{name}.py', shrunk | options).model)


def sample(height, width, **meta):
    return SegDataSample(metainfo=dict(ori_shape=(height, width), **meta))


class Known(torch.nn.Module):
    """In the place of backbone and head: slots and masks that a test chooses."""

    def __init__(self, masks, logits):
        super().__init__()
        self.masks, self.logits = masks, logits

    def forward(self, inputs, padding_mask=None):
        batch = len(inputs)
        masks = self.masks.expand(batch, 1, *self.masks.shape)
        return (SlotMasks(inputs.new_zeros(batch, len(self.logits), 1), masks, None),)

    def average(self, slot_logits):
        return slot_logits.mean(1)

    def slot_logits(self, features):
        return self.logits.expand(len(features[0].slots), *self.logits.shape)


def known(masks, logits, **options):
    """A segmentor whose slots have masks (K, h, w) and class logits (K, C)."""
    model = build(**options)
    model.backbone = model.head = Known(masks, logits)
    return model


def rectangle_model(rectangles, h=4, w=5, **options):
    """Slot k of class k + 1 is active on the k-th rectangle of patches only."""
    masks = torch.full((len(rectangles), h, w), -2.0)
    for mask, (y1, x1, y2, x2) in zip(masks, rectangles, strict=True):
        mask[y1:y2, x1:x2] = 1
    return known(masks, 50 * torch.eye(len(rectangles), 4), **options)


@torch.no_grad()
def test_activation_sums_rectified_masks_weighted_by_class_probability():
    """Eq. (8), by loops."""
    model = build()
    images = torch.randn(2, 3, 24, 40)
    features = model.backbone(images)[0]
    _, activations = model.explain(images)
    logits = model.head.slot_logits([features])
    for b in range(2):
        for c in range(4):
            for y in range(3):
                for x in range(5):
                    total = 0.0
                    for k in range(5):
                        probability = logits[b, k].exp() / logits[b, k].exp().sum()
                        mask = features.masks[b, :, k, y, x].mean()
                        total += float(probability[c] * max(mask, 0))
                    assert activations[b, c, y, x] == pytest.approx(total, rel=1e-4)


@torch.no_grad()
@pytest.mark.parametrize('options', [{}, dict(rectify_heads=True), dict(average=True)])
def test_activation_is_that_of_the_classifier_package(options):
    model = build(**options)
    images = torch.randn(2, 3, 24, 40)
    features = model.backbone(images)
    probabilities = model.head.slot_logits(features).softmax(-1)
    _, activations = model.explain(images)
    for c in range(4):
        expected = wwt_mm.classification.class_activation(
            probabilities, features[0].masks, c, **options
        )
        torch.testing.assert_close(activations[:, c], expected)


@torch.no_grad()
def test_an_average_over_scores_leaves_out_classes_that_no_output_means():
    model = build(average=True, num_classes=3, class_map=[1, 1, 3, 0])
    _, activations = model.explain(torch.randn(2, 3, 24, 40))
    assert activations.isfinite().all()
    assert not activations[:, 1].any() and activations[:, 0].any()


@torch.no_grad()
def test_the_image_is_classified_as_the_classifier_does():
    model = build()
    images = torch.randn(2, 3, 32, 32)
    probabilities, _ = model.explain(images)
    expected = model.head(model.backbone(images)).softmax(-1)
    torch.testing.assert_close(probabilities, expected)


def test_a_pretrained_classifier_is_loaded_without_a_key_left_over():
    model = build()
    cfg = load_config(
        CONFIGS.parent / 'mmpretrain' / 'wwt_scenes.py',
        {
            'model.backbone.arch': TINY,
            'model.backbone.num_slots': 5,
            'model.backbone.img_size': 32,
            'model.head.num_classes': 4,
            'model.head.in_channels': 12,
            'model.autoencoding_head.in_channels': 12,
        },
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        classifier = CLASSIFIERS.build(cfg.model)
    weights = classifier.state_dict()
    auxiliary = {k for k in weights if k.startswith('autoencoding_head.')}
    kept = {k: v for k, v in weights.items() if k not in auxiliary}
    assert set(kept) == set(model.state_dict())
    load_state_dict(model, kept, strict=True)


def test_outputs_of_merged_classes_add_up_and_others_are_left_out():
    model = build(num_classes=2, class_map=[2, 0, 1, 2])
    merged = model.to_classes(torch.tensor([[0.1, 0.2, 0.3, 0.4]]))
    torch.testing.assert_close(merged, torch.tensor([[0.3, 0.5]]))


def predict(model, images, **meta):
    meta = dict(ori_shape=tuple(images.shape[-2:])) | meta
    (result,) = model.predict(images, [SegDataSample(metainfo=meta)])
    return result.pred_sem_seg.data[0]


def boundary_distance(shape, rectangle, patch=8):
    """Each pixel's distance in pixels from the outline of a rectangle of patches."""
    y1, x1, y2, x2 = (patch * side for side in rectangle)
    y = torch.arange(shape[0])[:, None] + 0.5
    x = torch.arange(shape[1])[None] + 0.5
    inside = torch.minimum(torch.minimum(y - y1, y2 - y), torch.minimum(x - x1, x2 - x))
    return inside


@pytest.mark.parametrize('size', [(32, 40), (29, 35), (25, 33)])
@pytest.mark.parametrize('classes_from', ['predicted', 'all', 'given'])
def test_a_mask_on_a_rectangle_labels_that_rectangle(size, classes_from):
    rectangle = (1, 1, 3, 4)
    model = rectangle_model([rectangle], classes_from=classes_from, threshold=0.5)
    labels = predict(model, torch.zeros(1, 3, *size), image_labels=(1,))
    assert labels.shape == size
    # Interpolation of patches rounds the outline, by less than half a patch.
    inside = boundary_distance(size, rectangle)
    assert (labels[inside > 3] == 1).all()
    assert (labels[inside < 0] == 0).all()
    middle = labels[16, 8 : 8 * 4 : 1]
    assert (middle == 1).all()  # sides are exact


def test_all_classes_compete_for_each_pixel():
    model = rectangle_model(
        [(0, 0, 4, 2), (0, 3, 4, 5)], classes_from='all', threshold=0.5
    )
    labels = predict(model, torch.zeros(1, 3, 32, 40))
    assert (labels[:, :16] == 1).all()
    assert (labels[:, 24:] == 2).all()
    assert (labels[:, 17:23] == 0).all()


def test_only_given_classes_are_labelled():
    model = rectangle_model(
        [(0, 0, 4, 2), (0, 3, 4, 5)], classes_from='given', threshold=0.5
    )
    labels = predict(model, torch.zeros(1, 3, 32, 40), image_labels=(2,))
    assert set(labels.unique().tolist()) == {0, 2}


def test_the_predicted_class_is_the_most_probable_one():
    masks = torch.ones(2, 4, 5)
    logits = torch.tensor([[0.0, 1, 3, 0], [0.0, 1, 4, 0]])
    masks[:, 0, 0] = 0
    model = known(masks, logits, classes_from='predicted', threshold=0.5)
    labels = predict(model, torch.zeros(1, 3, 32, 40))
    assert set(labels.unique().tolist()) == {0, 3}


def test_given_classes_that_are_not_given_are_an_error_with_advice():
    model = rectangle_model([(0, 0, 1, 1)], classes_from='given')
    with pytest.raises(DatasetError, match=r'a\.jpg has no image_labels'):
        predict(model, torch.zeros(1, 3, 32, 40), img_path='a.jpg')


@pytest.mark.parametrize(
    ('threshold', 'share'), [(0.0, 1.0), (0.25, 0.75), (0.5, 0.5), (1.0, 0.0)]
)
def test_pixels_at_or_below_the_threshold_are_background(threshold, share):
    """Activation rises linearly from 0 to 1 over 100 patches."""
    ramp = torch.linspace(0, 1, 101).expand(1, 1, 101).clone()
    model = known(ramp, torch.eye(1, 4), classes_from='all', threshold=threshold)
    labels = predict(model, torch.zeros(1, 3, 8, 808))
    assert labels.float().mean() == pytest.approx(share, abs=0.02)


def test_a_map_without_contrast_is_background():
    model = known(torch.ones(1, 4, 5), torch.eye(1, 4), threshold=0.0)
    model.classes_from = 'predicted'
    assert not predict(model, torch.zeros(1, 3, 32, 40)).any()


def test_labels_are_unflipped_unpadded_and_of_the_size_of_the_file():
    model = rectangle_model([(0, 0, 4, 2)], classes_from='all', threshold=0.5)
    labels = predict(
        model,
        torch.zeros(1, 3, 32, 40),
        ori_shape=(48, 64),
        img_padding_size=(0, 8, 0, 8),
        flip=True,
        flip_direction='horizontal',
    )
    # 16 of 32 columns are class 1, on the left before the flip is undone.
    assert labels.shape == (48, 64)
    assert (labels[:, 33:] == 1).all() and (labels[:, :31] == 0).all()


@torch.no_grad()
def test_padding_is_no_part_of_the_scale():
    """Masks are 0 in padding, and positive everywhere in this image."""
    torch.manual_seed(0)
    masks = 1 + torch.rand(2, 4, 5)
    logits = torch.tensor([[4.0, 0, 0, 0], [4.0, 1, 0, 0]])
    options = dict(classes_from='predicted')
    (alone,) = known(masks, logits, **options).predict(torch.zeros(1, 3, 32, 40))
    padded = torch.nn.functional.pad(masks, (0, 2, 0, 3))
    samples = [sample(32, 40, img_padding_size=(0, 16, 0, 24))]
    (other,) = known(padded, logits, **options).predict(
        torch.zeros(1, 3, 56, 56), samples
    )
    torch.testing.assert_close(other.pred_score.data, alone.pred_score.data)


def test_an_image_of_nothing_given_is_background():
    model = rectangle_model([(0, 0, 4, 2)], classes_from='given', threshold=0.0)
    assert not predict(model, torch.zeros(1, 3, 32, 40), image_labels=()).any()


@torch.no_grad()
def test_attention_baseline_shows_what_the_class_token_reads():
    model = build('weak/vit_attention_weak_scenes')
    images = torch.randn(2, 3, 32, 40)
    seen = []
    handle = model.backbone.layers[-1].attn.qkv.register_forward_hook(
        lambda module, inputs, output: seen.append(output)
    )
    probabilities, activations = model.explain(images)
    handle.remove()
    for b in range(2):
        heads = torch.zeros(4, 5)
        for h in range(2):
            q = seen[0][b, 0, h * 6 : h * 6 + 6]
            keys = seen[0][b, :, 12 + h * 6 : 12 + h * 6 + 6]
            attention = ((keys @ q) / 6**0.5).softmax(0)
            heads += attention[1:].view(4, 5) / 2
        for c in range(4):
            torch.testing.assert_close(activations[b, c], probabilities[b, c] * heads)


@torch.no_grad()
def test_rollout_baseline_differs_from_attention_only_in_its_map():
    attention = build('weak/vit_attention_weak_scenes')
    rollout = build('weak/vit_attention_weak_scenes', method='rollout')
    rollout.load_state_dict(attention.state_dict())
    images = torch.randn(1, 3, 32, 40)
    (p1, a1), (p2, a2) = attention.explain(images), rollout.explain(images)
    torch.testing.assert_close(p1, p2)
    assert a1.shape == a2.shape and not torch.allclose(a1, a2)


@pytest.mark.parametrize('name', ['wwt_weak_scenes', 'vit_attention_weak_scenes'])
def test_predictions_need_no_samples(name):
    model = build(f'weak/{name}', classes_from='predicted')
    (result,) = model.predict(torch.randn(1, 3, 29, 37))
    assert result.pred_sem_seg.data.shape == (1, 29, 37)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(classes_from='some'), "classes_from='some' is unknown"),
        (dict(threshold=1.5), r'threshold=1.5 must lie in \[0, 1\]'),
        (dict(class_map=[1, 2, 3, 9]), 'from 0 to num_classes=4'),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        build(**options)


def test_a_class_map_that_does_not_fit_the_classifier_is_named():
    model = build(class_map=[1, 2])
    with pytest.raises(ConfigError, match='2 entries and the classifier 4 outputs'):
        model.explain(torch.randn(1, 3, 32, 32))


def test_training_is_refused_with_advice():
    with pytest.raises(ConfigError, match='train its classifier'):
        build().loss(torch.zeros(1, 3, 32, 32), [])


def test_padding_above_and_on_the_left_is_cut_off_and_a_vertical_flip_undone():
    # Of 6 x 5 patches of 8 pixels, 2 rows above and a column on the left are padding.
    model = rectangle_model([(0, 0, 4, 3)], h=6, w=5, classes_from='all', threshold=0.5)
    labels = predict(
        model,
        torch.zeros(1, 3, 48, 40),
        ori_shape=(32, 32),
        img_padding_size=(8, 0, 16, 0),
        flip=True,
        flip_direction='vertical',
    )
    assert labels.shape == (32, 32)
    assert (labels[18:, :14] == 1).all()
    assert (labels[:14] == 0).all() and (labels[:, 18:] == 0).all()


def test_the_backbone_is_told_of_padding():
    model = rectangle_model([(0, 0, 4, 2)], classes_from='all')
    seen = []
    model.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    padding = dict(ori_shape=(24, 40), img_padding_size=(0, 0, 0, 8))
    predict(model, torch.zeros(1, 3, 32, 40), **padding)
    assert seen[0][0, 24:].all() and not seen[0][0, :24].any()


def test_maps_of_all_classes_have_the_size_of_the_input():
    ramp = torch.linspace(0, 1, 5).expand(1, 4, 5).clone()
    model = known(ramp, 50 * torch.eye(1, 4), classes_from='all')
    maps = model.encode_decode(torch.zeros(1, 3, 29, 37), [])
    assert maps.shape == (1, 4, 29, 37)
    expected = ((torch.arange(37) + 0.5) / 8 - 0.5).clamp(0, 4) / 4
    torch.testing.assert_close(maps[0, 0], expected.expand(29, 37))


def test_competing_classes_are_scaled_together():
    # Class 2 is half as active as class 1, so it stays below 0.75.
    masks = torch.zeros(2, 4, 5)
    masks[0, :, :2], masks[1, :, 3:] = 1.0, 0.5
    model = known(masks, 50 * torch.eye(2, 4), classes_from='all', threshold=0.75)
    labels = predict(model, torch.zeros(1, 3, 32, 40))
    assert set(labels.unique().tolist()) == {0, 1}


@torch.no_grad()
def test_rollout_is_weighted_by_class_probability():
    model = build('weak/vit_attention_weak_scenes', method='rollout')
    images = torch.randn(1, 3, 32, 40)
    with record_attentions(model.backbone) as attentions:
        scores = model.head(model.backbone(images)).softmax(-1)
    expected = scores[:, :, None, None] * rollout(attentions, (4, 5))[:, None]
    torch.testing.assert_close(model.explain(images)[1], expected)
