"""The segmentor of the configs: losses, inference, padding, auxiliary heads."""

import pytest
import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS

from wwt_mm.segmentation.wwt_segmentor import find_padding

AUXILIARY = dict(
    type='FCNHead',
    in_channels=24,
    in_index=0,
    channels=8,
    num_convs=1,
    concat_input=False,
    num_classes=21,
    loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.4),
)


def metas(model_input, **more):
    size = tuple(model_input.shape[-2:])
    return [dict(img_shape=size, ori_shape=size, pad_shape=size, **more)] * len(
        model_input
    )


@pytest.fixture
def build(shrunk_config):
    def build(name='wwt_seg_voc12', **options):
        model = MODELS.build(shrunk_config(name, **options).model)
        # The head starts with weights near zero; make its labels depend on the image.
        torch.nn.init.normal_(model.decode_head.conv_seg.weight)
        return model

    return build


@pytest.mark.parametrize('name', ['wwt_seg_voc12', 'wwt_seg_tokens_voc12'])
@pytest.mark.parametrize('size', [(64, 64), (48, 80), (50, 37)])
def test_a_training_step_gives_losses_and_gradients(build, samples, name, size):
    model = build(name)
    losses = model.loss(torch.randn(2, 3, *size), samples(2, *size))
    assert set(losses) == {'decode.loss_ce', 'decode.acc_seg'}
    losses['decode.loss_ce'].backward()
    grads = [p.grad for p in model.decode_head.parameters()]
    assert all(g is not None and g.isfinite().all() and g.any() for g in grads)


@pytest.mark.parametrize('name', ['wwt_seg_voc12', 'wwt_seg_tokens_voc12'])
def test_parameters_without_gradient_are_announced_to_ddp(
    build, shrunk_config, samples, name
):
    model = build(name)
    model.loss(torch.randn(1, 3, 64, 64), samples(1, 64, 64))[
        'decode.loss_ce'
    ].backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None]
    assert idle and all(n.startswith('backbone.') for n in idle)
    assert shrunk_config(name).model_wrapper_cfg.static_graph


def test_slot_head_trains_slots_and_masks_of_every_block(build, samples):
    model = build()
    model.loss(torch.randn(1, 3, 64, 64), samples(1, 64, 64))[
        'decode.loss_ce'
    ].backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None]
    assert all(n.startswith('backbone.blocks.1.mlp_tokens') for n in idle)


def test_loss_is_the_mean_over_all_pixels_as_in_mmseg(build, samples):
    model = build().eval()
    images = torch.randn(2, 3, 64, 64)
    labelled = samples(2, 64, 64, ignored_from_row=40)
    loss = model.loss(images, labelled)['decode.loss_ce']
    logits = model.encode_decode(images, metas(images))
    labels = torch.cat([s.gt_sem_seg.data for s in labelled])
    chosen = logits.log_softmax(1).gather(1, labels[:, None].clamp(max=20))[:, 0]
    torch.testing.assert_close(loss, -chosen[labels != 255].sum() / labels.numel())


def test_hard_example_mining_samples_pixels(build, samples):
    images, data = torch.randn(2, 3, 64, 64), samples(2, 64, 64)
    plain = build().eval()
    mined = build(
        model__decode_head__sampler=dict(type='OHEMPixelSampler', min_kept=50)
    ).eval()
    mined.load_state_dict(plain.state_dict())
    losses = [m.loss(images, data)['decode.loss_ce'] for m in (mined, plain)]
    # Averaged over all pixels, all but the hardest of which weigh nothing.
    assert 0 < losses[0] < losses[1]


def test_several_losses_can_be_combined(build, samples):
    model = build(
        model__decode_head__loss_decode=[
            dict(type='CrossEntropyLoss', loss_name='loss_ce'),
            dict(type='DiceLoss', loss_name='loss_dice'),
        ]
    )
    losses = model.loss(torch.randn(1, 3, 64, 64), samples(1, 64, 64))
    assert {'decode.loss_ce', 'decode.loss_dice'} < set(losses)


def test_auxiliary_head_reads_tokens_of_an_earlier_block(build, samples):
    model = build(
        model__neck=dict(type='TokensBesideSlots'),
        model__backbone__out_indices=(0, 1),
        model__auxiliary_head=AUXILIARY,
    )
    losses = model.loss(torch.randn(2, 3, 64, 64), samples(2, 64, 64))
    assert {'decode.loss_ce', 'aux.loss_ce'} < set(losses)
    losses['aux.loss_ce'].backward()
    used = {n for n, p in model.backbone.named_parameters() if p.grad is not None}
    assert any(n.startswith('blocks.0.mlp_tokens') for n in used)
    assert not any(n.startswith('blocks.1') for n in used)


def test_neck_leaves_the_decode_head_its_slots_and_masks(build):
    plain = build().eval()
    necked = build(model__neck=dict(type='TokensBesideSlots')).eval()
    necked.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 48, 64)
    torch.testing.assert_close(necked(images), plain(images))


@torch.no_grad()
def test_padding_below_and_right_changes_nothing_away_from_its_edge(build):
    model = build().eval()
    image = torch.randn(1, 3, 48, 32)
    alone = model.whole_inference(image, metas(image))
    padded = torch.full((1, 3, 64, 80), 7.0)
    padded[..., :48, :32] = image
    together = model.whole_inference(
        padded, metas(padded, img_padding_size=(0, 48, 0, 16))
    )
    # Logits of 4 pixels are interpolated, also across the edge of the padding.
    torch.testing.assert_close(together[..., :46, :30], alone[..., :46, :30])


@torch.no_grad()
def test_without_knowledge_of_padding_it_would_change_labels(build):
    model = build().eval()
    image = torch.randn(1, 3, 48, 32)
    padded = torch.full((1, 3, 64, 80), 7.0)
    padded[..., :48, :32] = image
    alone = model.whole_inference(image, metas(image))
    unaware = EncoderDecoder.whole_inference(model, padded, metas(padded))
    assert not torch.allclose(unaware[..., :46, :30], alone[..., :46, :30], atol=1e-2)


def test_a_padded_batch_is_trained_on_as_its_images_are_alone(build, samples):
    model = build().eval()
    data = samples(2, 64, 64, ignored_from_row=32)
    images = torch.randn(2, 3, 64, 64)
    for sample in data:
        sample.set_metainfo(dict(padding_size=(0, 0, 0, 32)))
    loss = model.loss(images, data)['decode.loss_ce']
    images[:, :, 32:] = -3
    torch.testing.assert_close(model.loss(images, data)['decode.loss_ce'], loss)


def test_padding_is_found_on_each_side():
    mask = find_padding(
        [dict(padding_size=(1, 2, 3, 0)), dict()], torch.zeros(2, 3, 6, 7)
    )
    expected = torch.ones(6, 7, dtype=torch.bool)
    expected[3:, 1:5] = False
    assert torch.equal(mask[0], expected)
    assert not mask[1].any()
    assert find_padding([dict()], torch.zeros(1, 3, 6, 7)) is None


@torch.no_grad()
def test_one_window_as_large_as_the_image_gives_whole_inference(build):
    model = build().eval()
    images = torch.randn(1, 3, 64, 80)
    whole = model.inference(images, metas(images))
    model.test_cfg.update(mode='slide', crop_size=(64, 80), stride=(32, 32))
    torch.testing.assert_close(model.inference(images, metas(images)), whole)


@torch.no_grad()
def test_sliding_windows_are_averaged_where_they_overlap(build):
    model = build(
        model__test_cfg=dict(mode='slide', crop_size=(64, 64), stride=(32, 48))
    ).eval()
    images = torch.randn(1, 3, 80, 112)
    slid = model.inference(images, metas(images))
    total = torch.zeros_like(slid)
    count = torch.zeros_like(slid)
    for y in (0, 16):
        for x in (0, 48):
            window = images[..., y : y + 64, x : x + 64]
            logits = model.encode_decode(window, metas(window))
            total[..., y : y + 64, x : x + 64] += logits
            count[..., y : y + 64, x : x + 64] += 1
    torch.testing.assert_close(slid, total / count)


@pytest.mark.parametrize('size', [(61, 47), (48, 90)])
@torch.no_grad()
def test_predictions_have_the_size_of_the_image_file(build, samples, size):
    model = build().eval()
    (sample,) = samples(1, *size)
    sample.set_metainfo(dict(ori_shape=(120, 99), img_shape=size))
    (result,) = model.predict(torch.randn(1, 3, *size), [sample])
    assert result.pred_sem_seg.data.shape == (1, 120, 99)
    assert result.seg_logits.data.shape == (21, 120, 99)


def test_the_backbone_fits_a_plain_encoder_decoder_with_an_ordinary_head(
    shrunk_config, samples
):
    cfg = shrunk_config(
        model__type='EncoderDecoder', model__backbone__out_type='featmap'
    )
    cfg.model.decode_head = dict(AUXILIARY, in_index=-1)
    model = MODELS.build(cfg.model)
    losses = model.loss(torch.randn(2, 3, 64, 48), samples(2, 64, 48))
    assert losses['decode.loss_ce'].isfinite()
