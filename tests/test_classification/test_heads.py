"""The classification and the autoencoding head, and the classifier that holds both."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import load_state_dict
from mmpretrain.evaluation import MultiLabelMetric
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import wwt_mm.classification  # noqa: F401  (registers the modules)
from wwt_mm.backbone import SlotMasks
from wwt_mm.classification import (
    AutoencodingHead,
    AverageSlots,
    SlotClsHead,
    competitive_features,
)
from wwt_mm.errors import ConfigError

LABEL_SMOOTHING = dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        torch.manual_seed(0)
        np.random.seed(0)
        yield


def slot_masks(h=3, w=4, dtype=torch.float64, padding=None, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype)

    return SlotMasks(draw(2, 5, 6), draw(2, 2, 5, h, w), draw(2, 6, h, w), padding)


def classifier(autoencoding=True, **options):
    model = dict(
        type='WWTClassifier',
        data_preprocessor=dict(num_classes=3, mean=[127.5] * 3, std=[50.0] * 3),
        backbone=dict(
            type='WhatWhereTransformer',
            arch=dict(embed_dims=6, num_layers=2, num_heads=2),
            img_size=16,
            patch_size=4,
            num_slots=5,
        ),
        head=dict(
            type='SlotClsHead', num_classes=3, in_channels=6, loss=LABEL_SMOOTHING
        ),
    )
    if autoencoding:
        model['autoencoding_head'] = dict(
            type='AutoencodingHead', in_channels=6, patch_size=4
        )
    return MODELS.build(model | options)


def batch(labels=(0, 1, 2, 0), size=(16, 16)):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (len(labels), 3, *size), generator=generator)
    samples = [DataSample().set_gt_label(label) for label in labels]
    return dict(inputs=images, data_samples=samples)


# -- SlotClsHead ----------------------------------------------------------------------


def test_image_logits_are_the_mean_of_an_mlp_over_each_slot():
    head = SlotClsHead(num_classes=4, in_channels=6, hidden_channels=7).double()
    feats = slot_masks()
    expected = torch.zeros(2, 4, dtype=torch.float64)
    for image in range(2):
        for slot in range(5):
            x = head.hidden.weight @ feats.slots[image, slot] + head.hidden.bias
            x = x * 0.5 * (1 + torch.erf(x / 2**0.5))  # GELU
            logits = head.classifier.weight @ x + head.classifier.bias
            assert torch.allclose(logits, head.slot_logits((feats,))[image, slot])
            expected[image] += logits / 5
    assert torch.allclose(head((feats,)), expected)


def test_probabilities_can_be_averaged_in_the_place_of_logits():
    head = SlotClsHead(4, 6, average_of='probabilities', loss=LABEL_SMOOTHING).double()
    torch.nn.init.normal_(head.classifier.weight, std=3)
    feats = (slot_masks(),)
    slots = head.slot_logits(feats)
    expected = sum(slots[:, k].exp() / slots[:, k].exp().sum(1, True) for k in range(5))
    expected = expected / 5
    assert torch.allclose(head(feats).softmax(1), expected)
    assert not torch.allclose(slots.mean(1).softmax(1), expected, atol=0.02)
    samples = head.predict(feats, [DataSample(), DataSample()])
    assert torch.allclose(torch.stack([s.pred_score for s in samples]), expected)
    labels = [DataSample().set_gt_label(label) for label in (1, 3)]
    smooth = torch.full((2, 4), 0.025).double()
    smooth[0, 1] += 0.9
    smooth[1, 3] += 0.9
    loss = -(smooth * expected.log()).sum(1).mean()
    assert torch.allclose(head.loss(feats, labels)['loss'], loss)
    with pytest.raises(ConfigError, match="'votes' is unknown"):
        SlotClsHead(4, 6, average_of='votes')
    several = dict(type='CrossEntropyLoss', use_sigmoid=True)
    with pytest.raises(ConfigError, match='exclude each other'):
        SlotClsHead(4, 6, average_of='probabilities', loss=several)


def test_only_the_last_of_several_outputs_is_classified():
    head = SlotClsHead(num_classes=4, in_channels=6).double()
    first, last = slot_masks(seed=1), slot_masks(seed=2)
    assert torch.equal(head((first, last)), head((last,)))


@pytest.mark.parametrize('mixed', [False, True])
def test_smoothed_loss_is_the_formula_for_labels_and_for_mixed_labels(mixed):
    head = SlotClsHead(num_classes=4, in_channels=6, loss=LABEL_SMOOTHING).double()
    target = torch.tensor([[0.7, 0, 0.3, 0], [0, 1, 0, 0]]) if mixed else torch.eye(4)
    samples = [DataSample().set_gt_label(int(row.argmax())) for row in target[:2]]
    if mixed:
        samples = [s.set_gt_score(row) for s, row in zip(samples, target, strict=True)]
    loss = head.loss((slot_masks(),), samples)['loss']
    log_probabilities = head((slot_masks(),)).log_softmax(-1)
    smooth = 0.9 * target[:2].double() + 0.1 / 4
    assert torch.allclose(loss, -(smooth * log_probabilities).sum(1).mean())


def test_predictions_are_softmax_scores_and_their_best_class():
    head = SlotClsHead(num_classes=4, in_channels=6).double()
    samples = head.predict((slot_masks(),), [DataSample(), DataSample()])
    scores = head((slot_masks(),)).softmax(-1)
    for sample, score in zip(samples, scores, strict=True):
        assert torch.allclose(sample.pred_score, score)
        assert sample.pred_label == score.argmax()


# -- AutoencodingHead -----------------------------------------------------------------


def test_competitive_features_are_slots_shared_out_by_a_softmax_over_slots():
    output = slot_masks()
    features = competitive_features(output)
    for image in range(2):
        for y in range(3):
            for x in range(4):
                masks = sum(output.masks[image, h, :, y, x] for h in range(2)) / 2
                shares = torch.exp(masks) / torch.exp(masks).sum()
                token = sum(shares[k] * output.slots[image, k] for k in range(5))
                assert torch.allclose(features[image, :, y, x], token)


def test_slots_compete_in_each_head_for_its_own_channels():
    output = slot_masks()
    features = competitive_features(output, heads='each')
    for image, channel, y, x in itertools.product(
        range(2), range(6), range(3), range(4)
    ):
        masks = output.masks[image, channel // 3, :, y, x]  # 2 heads of 3 channels
        shares = torch.exp(masks) / torch.exp(masks).sum()
        expected = (shares * output.slots[image, :, channel]).sum()
        assert torch.allclose(features[image, channel, y, x], expected)


def test_a_reading_of_heads_that_is_unknown_is_refused():
    with pytest.raises(ConfigError, match="heads='max' is unknown"):
        AutoencodingHead(in_channels=6, heads='max')


def test_reconstruction_has_the_size_of_images_that_are_not_whole_patches():
    head = AutoencodingHead(in_channels=6, patch_size=4).double()
    assert head((slot_masks(3, 4),), (10, 16)).shape == (2, 3, 10, 16)


def test_each_patch_is_written_from_the_tokens_around_it():
    head = AutoencodingHead(in_channels=6, patch_size=4).double()
    output = slot_masks(5, 6)
    masks = output.masks.clone()
    masks[..., 0, 0] += torch.arange(5.0)
    before = head((output,), (20, 24))
    after = head((output._replace(masks=masks),), (20, 24))
    changed = (before != after).any(1).any(0)
    assert changed[:8, :8].all() and not changed[8:].any() and not changed[:, 8:].any()


def test_loss_is_the_weighted_mean_squared_error_of_the_input():
    head = AutoencodingHead(in_channels=6, patch_size=4, loss_weight=0.3).double()
    inputs = torch.randn(2, 3, 11, 16, dtype=torch.float64)
    loss = head.loss((slot_masks(),), inputs)['loss_autoencoding']
    error = head((slot_masks(),), (11, 16)) - inputs
    assert torch.allclose(loss, 0.3 * (error**2).sum() / error.numel())


def padded_pair(content):
    """The second image has 2 rows and 3 columns of tokens; ``content`` pads it."""
    padding = torch.zeros(2, 3, 4, dtype=torch.bool)
    padding[1, 2:], padding[1, :, 3:] = True, True
    output = slot_masks(padding=padding)
    output = output._replace(masks=output.masks.masked_fill(padding[:, None, None], 0))
    inputs = torch.randn(2, 3, 12, 16, dtype=torch.float64)
    inputs[1, :, 8:], inputs[1, :, :, 12:] = content, content
    return output, inputs


def test_padding_counts_neither_in_the_loss_nor_in_the_reconstruction():
    head = AutoencodingHead(in_channels=6, patch_size=4).double()
    losses = []
    for content in (0.0, 7.0):
        torch.manual_seed(1)
        output, inputs = padded_pair(content)
        losses.append(head.loss((output,), inputs)['loss_autoencoding'])
    alone = SlotMasks(
        output.slots[1:], output.masks[1:, ..., :2, :3], output.tokens[1:, :, :2, :3]
    )
    of_first = F.mse_loss(head((output,), (12, 16))[0], inputs[0]) * 12 * 16
    of_second = F.mse_loss(head((alone,), (8, 12))[0], inputs[1, :, :8, :12]) * 8 * 12
    assert torch.equal(*losses)
    assert torch.allclose(losses[0], (of_first + of_second) / (12 * 16 + 8 * 12))


def test_a_mask_of_pixels_excludes_parts_of_patches():
    head = AutoencodingHead(in_channels=6, patch_size=4).double()
    inputs = torch.randn(2, 3, 12, 16, dtype=torch.float64)
    padding = torch.zeros(2, 12, 16, dtype=torch.bool)
    padding[:, :, 15] = True
    expected = F.mse_loss(head((slot_masks(),), (12, 15)), inputs[..., :15])
    loss = head.loss((slot_masks(),), inputs, padding)['loss_autoencoding']
    assert torch.allclose(loss, expected)


def test_another_patch_size_than_the_backbones_is_named():
    head = AutoencodingHead(in_channels=6, patch_size=8).double()
    with pytest.raises(ConfigError, match='patch_size=8 makes .*12 x 16'):
        head((slot_masks(),), (12, 16))


# -- WWTClassifier --------------------------------------------------------------------


def unreached(model, loss_name):
    data = model.data_preprocessor(batch(), training=True)
    model(**data, mode='loss')[loss_name].backward()
    return {name for name, p in model.named_parameters() if p.grad is None}


def of_last_block(names):
    return {n for n in names if n.startswith('backbone.blocks.1.')}


def test_both_losses_send_gradients_through_slots_and_masks():
    for loss_name in ('loss_cls', 'loss_autoencoding'):
        names = unreached(classifier(), loss_name)
        left_out = {n for n in names if 'head.' not in n}
        assert left_out == of_last_block(left_out)
        assert 'backbone.slots' not in names
        assert 'backbone.blocks.0.mlp_masks.3.weight' not in names
    assert 'backbone.blocks.1.mlp_masks.3.weight' not in names


def test_without_the_autoencoder_no_loss_reaches_the_last_masks():
    names = unreached(classifier(autoencoding=False), 'loss_cls')
    modules = {name.split('.')[3] for name in of_last_block(names)}
    assert modules == {'mlp_tokens', 'mlp_masks', 'norm_tokens_mlp'}


@pytest.mark.parametrize('augment', ['Mixup', 'CutMix'])
def test_the_mixed_image_is_what_is_reconstructed(augment):
    model = classifier(train_cfg=dict(augments=dict(type=augment, alpha=1.0)))
    data = model.data_preprocessor(batch(), training=True)
    plain = model.data_preprocessor(batch(), training=False)['inputs']
    assert not torch.equal(data['inputs'], plain)
    assert torch.stack([s.gt_score for s in data['data_samples']]).shape == (4, 3)

    losses = model(**data, mode='loss')
    feats = model.backbone(data['inputs'])
    images = model.autoencoding_head(feats, (16, 16))
    assert torch.allclose(
        losses['loss_autoencoding'], F.mse_loss(images, data['inputs'])
    )


def test_the_logged_loss_is_the_sum_of_both():
    model = classifier()
    data = model.data_preprocessor(batch(), training=True)
    losses = model(**data, mode='loss')
    total, logged = model.parse_losses(losses)
    assert torch.allclose(total, losses['loss_cls'] + losses['loss_autoencoding'])
    assert torch.allclose(logged['loss'], total)


def test_the_autoencoder_does_not_run_at_test_time():
    model = classifier().eval()
    model.autoencoding_head.forward = None  # calling it would fail
    data = model.data_preprocessor(batch(), training=False)
    assert len(model(**data, mode='predict')) == 4
    assert model(data['inputs'], mode='tensor').shape == (4, 3)


@pytest.mark.parametrize('load', [load_state_dict, torch.nn.Module.load_state_dict])
@pytest.mark.parametrize('wrapped', [False, True])
def test_checkpoints_with_and_without_autoencoder_load_strictly(load, wrapped):
    def wrap(model):
        return torch.nn.ModuleDict(dict(inner=model)) if wrapped else model

    whole, bare = wrap(classifier()), wrap(classifier(autoencoding=False))
    weights = whole.state_dict()
    load(bare, weights, strict=True)
    load(whole, bare.state_dict(), strict=True)
    for name, weight in bare.state_dict().items():
        assert torch.equal(weight, weights[name])


def test_a_checkpoint_with_half_an_autoencoder_is_reported():
    model = classifier()
    weights = model.state_dict()
    del weights['autoencoding_head.decoder.0.weight']
    with pytest.raises(RuntimeError, match='decoder.0.weight'):
        model.load_state_dict(weights)


def test_training_works_under_autocast_and_keeps_losses_in_single_precision():
    model = classifier()
    data = model.data_preprocessor(batch(), training=True)
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(**data, mode='loss')
    sum(losses.values()).backward()
    assert all(loss.dtype == torch.float32 for loss in losses.values())
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_the_model_is_captured_as_one_graph_which_gives_the_same_logits():
    model = classifier().eval()
    inputs = model.data_preprocessor(batch(), training=False)['inputs']
    compiled = torch.compile(model, backend='eager', fullgraph=True)
    assert torch.allclose(model(inputs), compiled(inputs), atol=1e-5)


def test_several_classes_of_an_image_are_predicted_as_the_loss_learns_them():
    loss = dict(type='CrossEntropyLoss', use_sigmoid=True)
    head = SlotClsHead(num_classes=3, in_channels=6, loss=loss).double()
    feats = (slot_masks(),)
    head.classifier.weight.data.zero_()
    head.classifier.bias.data = torch.tensor([3.0, 3.0, -3.0]).double()
    samples = [DataSample().set_gt_label(label) for label in ([0, 1], [0, 1])]
    predicted = head.predict(feats, samples)
    expected = torch.tensor([3.0, 3.0, -3.0]).sigmoid().double()
    for sample in predicted:
        assert sample.pred_label.tolist() == [0, 1]
        torch.testing.assert_close(sample.pred_score, expected)
    metric = MultiLabelMetric(thr=0.5, average='micro')
    metric.process(None, [sample.to_dict() for sample in predicted])
    assert metric.evaluate(2)['multi-label/recall_micro'] == 100
    loss = head.loss(feats, samples)['loss']
    truth = torch.tensor([1.0, 1.0, 0.0]).double()
    logits = head.classifier.bias.detach()
    element = F.binary_cross_entropy_with_logits(logits, truth, reduction='sum')
    assert loss.item() == pytest.approx(element.item(), rel=1e-6)


@pytest.mark.parametrize(
    'loss',
    [
        dict(type='CrossEntropyLoss', use_sigmoid=True),
        dict(type='FocalLoss'),
        dict(type='AsymmetricLoss'),
        dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='multi_label'),
    ],
)
def test_a_batch_of_one_class_each_is_learned_as_any_of_several_classes(loss):
    head = SlotClsHead(num_classes=3, in_channels=6, loss=loss).double()
    losses = []
    for labels in ([[1], [2]], [[1], [2, 0]]):
        samples = [DataSample().set_gt_label(label) for label in labels]
        losses.append(head.loss((slot_masks(),), samples)['loss'].item())
        for sample in head.predict((slot_masks(),), samples):
            expected = (sample.pred_score >= 0.5).nonzero().flatten()
            assert sample.pred_label.tolist() == expected.tolist()
    assert losses[0] != losses[1] and np.isfinite(losses).all()


def test_the_decoder_reads_the_last_block_by_its_settings():
    head = AutoencodingHead(6, 4, hidden_channels=7, heads='each').double()
    assert head.decoder[0].out_channels == 7
    outputs = slot_masks(seed=0), slot_masks(seed=1)
    expected = head.decoder(competitive_features(outputs[1], 'each'))
    assert torch.equal(head(outputs, (12, 16)), expected)


def test_the_reconstruction_is_judged_where_there_is_image():
    head = AutoencodingHead(6, 4).double()
    padding = torch.zeros(2, 3, 4, dtype=torch.bool)
    padding[1, 2:] = True  # 8 of 11 rows of the second image are left
    output = slot_masks(padding=padding)
    inputs = torch.randn(2, 3, 11, 14, dtype=torch.float64)
    error = (head((output,), (11, 14)) - inputs).square()
    expected = (error[0].sum() + error[1, :, :8].sum()) / (3 * 14 * (11 + 8))
    loss = head.loss((output,), inputs)['loss_autoencoding']
    torch.testing.assert_close(loss, expected)


def test_slots_are_averaged_by_the_neck():
    outputs = slot_masks(seed=0), slot_masks(seed=1)
    (averaged,) = AverageSlots()(outputs)
    assert torch.equal(averaged, outputs[1].slots.mean(1))


def test_averaged_probabilities_come_back_as_logarithms():
    head = SlotClsHead(4, 6, average_of='probabilities').double()
    total = head((slot_masks(),)).exp().sum(1)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_a_classifier_with_a_neck_reads_what_the_neck_gives():
    neck, head = dict(type='AverageSlots'), dict(type='LinearClsHead', in_channels=6)
    model = classifier(False, neck=neck, head=dict(head, num_classes=3)).eval()
    data = model.data_preprocessor(batch(), training=False)
    found = torch.stack([s.pred_score for s in model(**data, mode='predict')])
    slots = model.backbone(data['inputs'])[-1].slots.mean(1)
    torch.testing.assert_close(found, model.head.fc(slots).softmax(1))


def test_deit_starts_from_a_file(tmp_path):
    arch = dict(embed_dims=12, num_layers=1, num_heads=3, feedforward_channels=24)
    config = dict(type='DeiT', arch=arch, img_size=16, patch_size=4)
    weights = MODELS.build(config).state_dict()
    path = tmp_path / 'deit.pth'
    torch.save(dict(state_dict=weights), path)
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    loaded = MODELS.build(dict(config, init_cfg=init_cfg))
    loaded.init_weights()
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, weights[name])
