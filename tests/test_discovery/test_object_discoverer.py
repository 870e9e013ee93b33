"""The detector around a backbone and a discovery method."""

import numpy as np
import pytest
import torch
from mmdet.registry import TASK_UTILS

from wwt_mm.discovery import read_features
from wwt_mm.errors import ConfigError

VIT_METHODS = ['LOST', 'TokenCut', 'MOST', 'LaSt', 'ClassTokenAttention', 'Rollout']
PAIRS = [('wwt', 'MaskThreshold')] + [('vit', method) for method in VIT_METHODS]
TOKEN_METHODS = ['LOST', 'TokenCut', 'MOST', 'LaSt']


@pytest.fixture(scope='module')
def models(build):
    return {'wwt': build('wwt'), 'vit': build('vit')}


@pytest.fixture(scope='module')
def images():
    generator = torch.Generator().manual_seed(3)
    coarse = torch.randn(2, 3, 8, 9, generator=generator)
    return torch.nn.functional.interpolate(coarse, scale_factor=7, mode='bicubic')


def predict(model, method, images, samples, **options):
    model.method = TASK_UTILS.build(dict(type=method, **options))
    return [sample.pred_instances for sample in model.predict(images, samples)]


@pytest.mark.parametrize(('family', 'method'), PAIRS)
def test_predictions_are_class_agnostic_boxes_inside_the_original_image(
    family, method, models, images, sample
):
    results = predict(models[family], method, images, [sample(56, 63, 0.5)] * 2)
    for result in results:
        assert result.bboxes.dtype == torch.float32
        assert (result.bboxes >= 0).all()
        assert (result.bboxes <= torch.tensor([126, 112, 126, 112])).all()
        assert (result.bboxes[:, 2:] > result.bboxes[:, :2]).all()
        assert (result.labels == 0).all()
        assert (result.scores.diff() <= 0).all()
    assert method == 'MOST' or all(len(result.bboxes) for result in results)


@pytest.mark.parametrize(
    ('family', 'method', 'options'),
    [
        *((*pair, {}) for pair in PAIRS),
        *(('wwt', method, dict(features='token')) for method in TOKEN_METHODS),
    ],
)
def test_an_image_is_not_influenced_by_its_batch(
    family, method, options, models, images, sample
):
    small = images[1:, :, :40, :50]
    batch = torch.cat([images[:1], torch.nn.functional.pad(small, (0, 13, 0, 16))])
    batch[1, :, 40:] = 7.0  # padding holds what it likes
    samples = [sample(56, 63), sample(40, 50)]
    together = predict(models[family], method, batch, samples, **options)
    (alone,) = predict(models[family], method, small, samples[1:], **options)
    torch.testing.assert_close(together[1].bboxes, alone.bboxes)
    torch.testing.assert_close(together[1].scores, alone.scores, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(('family', 'method'), PAIRS)
def test_scaling_the_original_image_scales_its_boxes(
    family, method, models, images, sample
):
    (once,) = predict(models[family], method, images[:1], [sample(56, 63)])
    (large,) = predict(models[family], method, images[:1], [sample(56, 63, 1 / 3)])
    torch.testing.assert_close(large.bboxes, once.bboxes * 3)


@pytest.mark.parametrize('method', TOKEN_METHODS)
def test_feature_methods_read_the_tokens_of_a_what_where_transformer(
    method, models, images, sample
):
    (result,) = predict(
        models['wwt'], method, images[:1], [sample(56, 63)], features='token'
    )
    assert result.bboxes.shape[1] == 4


def test_max_per_img_keeps_the_best(build, images, sample):
    model = build('wwt')
    every = predict(model, 'MaskThreshold', images, [sample(56, 63)] * 2)
    model.max_per_img = 1
    one = predict(model, 'MaskThreshold', images, [sample(56, 63)] * 2)
    for single, many in zip(one, every, strict=True):
        torch.testing.assert_close(single.bboxes, many.bboxes[:1])


def test_masks_lie_in_their_boxes(build, images, sample):
    model = build('wwt', with_masks=True)
    (result,) = predict(model, 'MaskThreshold', images[:1], [sample(56, 63, 0.5)])
    assert result.masks.shape == (len(result.bboxes), 112, 126)
    for mask, box in zip(result.masks.numpy(), result.bboxes.numpy(), strict=True):
        rows, columns = np.nonzero(mask)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(edges, box, atol=1)


def test_features_are_those_of_the_last_attention_layer(models, images):
    backbone = models['vit'].backbone
    keys, padding = read_features(backbone, images)
    assert keys.shape == (2, 7, 8, 96) and padding is None
    inputs = []
    handle = backbone.layers[-1].ln1.register_forward_hook(
        lambda module, args, output: inputs.append(output)
    )
    (tokens,) = backbone(images)
    handle.remove()
    qkv = backbone.layers[-1].attn.qkv
    weight, bias = qkv.weight[96:192], qkv.bias[96:192]
    expected = (inputs[0] @ weight.T + bias)[:, 1:]  # without the class token
    torch.testing.assert_close(keys.flatten(1, 2), expected)
    tokens_read, _ = read_features(backbone, images, which='token')
    torch.testing.assert_close(tokens_read.flatten(1, 2), tokens[:, 1:])


def test_pairs_that_do_not_fit_say_what_does(models, build, images, sample):
    samples = [sample(56, 63)] * 2
    for family, method, message in (
        ('vit', 'MaskThreshold', 'ClassTokenAttention or LOST'),
        ('wwt', 'LOST', "features='token'"),
        ('wwt', 'Rollout', 'reads a VisionTransformer'),
    ):
        with pytest.raises(ConfigError, match=message):
            predict(models[family], method, images, samples)
    featmap = build('vit', **{'backbone.out_type': 'featmap'})
    with pytest.raises(ConfigError, match="set out_type='raw'"):
        predict(featmap, 'LOST', images, samples)
    with pytest.raises(ConfigError, match='nothing to train'):
        models['wwt'].loss(images, samples)


@torch.no_grad()
def test_queries_keys_and_values_are_those_of_the_last_attention(models, images):
    backbone, inputs = models['vit'].backbone, []
    last = backbone.layers[-1]
    handle = last.ln1.register_forward_hook(lambda *call: inputs.append(call[2]))
    backbone(images)
    handle.remove()
    for number, which in enumerate(('query', 'key', 'value')):
        rows = slice(96 * number, 96 * (number + 1))
        weight, bias = last.attn.qkv.weight[rows], last.attn.qkv.bias[rows]
        expected = (inputs[0] @ weight.T + bias)[:, 1:]
        found = read_features(backbone, images, which=which)[0].flatten(1, 2)
        torch.testing.assert_close(found, expected)
