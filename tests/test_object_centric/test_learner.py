"""The harness: what learns, what stays as it is, and what is predicted."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner.checkpoint import get_state_dict
from mmengine.structures import PixelData
from mmpretrain.models.backbones import VisionTransformer
from mmseg.structures import SegDataSample

from wwt_mm.backbone import SlotMasks
from wwt_mm.discovery import read_features
from wwt_mm.engine import load_config
from wwt_mm.errors import CheckpointError, ConfigError
from wwt_mm.object_centric import FeatureTeacher
from wwt_mm.object_centric.slot_visualization_hook import draw_segments

from ..tool_process import REPOSITORY

ROWS = [
    'wwt',
    'wwt_rgb',
    'slot_attention',
    'dinosaur_mlp',
    'slate',
    'dinosaur_transformer',
]


def batch_images():
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randint(0, 256, (3, 64, 64), generator=generator, dtype=torch.uint8)
        for _ in range(2)
    ]


def batch(model, training=True):
    images = batch_images()
    samples = [SegDataSample(metainfo=dict(map_shape=(80, 80))) for _ in images]
    data = dict(inputs=images, data_samples=samples)
    return model.data_preprocessor(data, training=training)


@pytest.mark.parametrize('name', ROWS)
def test_each_row_learns_and_segments(build, name):
    model = build(name)
    sum(model(**batch(model), mode='loss').values()).backward()
    trained = {n for n, p in model.named_parameters() if p.grad is not None}
    assert any(n.startswith('decoder') for n in trained)
    assert any(n.startswith(('backbone', 'grouping')) for n in trained)
    with torch.no_grad():
        samples = model.eval()(**batch(model, training=False), mode='predict')
    labels = samples[0].pred_sem_seg.data
    assert labels.shape == (1, 80, 80)
    assert 0 <= labels.min() and labels.max() < model.grouping.num_slots


@pytest.mark.parametrize('name', ROWS)
def test_rows_train_in_bfloat16(build, name):
    model = build(name)
    with torch.autocast('cpu', torch.bfloat16):
        loss = sum(model(**batch(model), mode='loss').values())
    loss.backward()
    assert loss.dtype == torch.float32 and torch.isfinite(loss)


@pytest.mark.parametrize('competition', ['alpha', 'masks', 'features'])
def test_no_gradient_reaches_the_discarded_slots(build, competition):
    model = build('wwt', **{'decoder.competition': competition})
    data = batch(model)
    (output,) = model.backbone(data['inputs'])
    slots, masks = (t.detach().requires_grad_() for t in (output.slots, output.masks))
    model.backbone.forward = lambda images: (SlotMasks(slots, masks, output.tokens),)
    model(**data, mode='loss')['loss_reconstruction'].backward()
    assert (slots.grad[:, 5:] == 0).all() and (slots.grad[:, :5] != 0).any()
    if competition == 'alpha':  # the decoder decides where slots are
        assert masks.grad is None
    else:
        assert (masks.grad[:, :, 5:] == 0).all() and (masks.grad[:, :, :5] != 0).any()


def test_the_loss_is_the_mean_squared_error_of_the_teachers_features(build):
    model = build('wwt')
    data = batch(model)
    pixels = torch.stack([image.float() for image in batch_images()])
    vit = model.target.load()
    mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)
    tokens = vit((pixels.flip(1) - mean) / std)[0][:, 1:]  # without class token
    (output,) = model.backbone(data['inputs'])
    prediction = model.decoder(model.grouping((output,))).prediction
    error = (prediction.flatten(2).mT - tokens).square().mean()
    loss = model(**data, mode='loss')['loss_reconstruction']
    torch.testing.assert_close(loss, error)


def test_the_teacher_is_frozen_in_evaluation_mode_and_not_part_of_the_model(build):
    model = build('wwt')
    model.init_weights()
    vit = model.target.load()
    assert isinstance(vit, VisionTransformer)
    before = copy.deepcopy(vit.state_dict())
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(**batch(model), mode='loss')['loss_reconstruction'].backward()
    optimizer.step()
    assert not any(module.training for module in vit.modules())
    assert not any(p.requires_grad or p.grad is not None for p in vit.parameters())
    assert all(torch.equal(before[n], w) for n, w in vit.state_dict().items())
    owned = {id(p) for p in model.parameters()}
    assert owned.isdisjoint(id(p) for p in vit.parameters())
    for weights in (model.state_dict(), get_state_dict(model)):
        assert not any(name.startswith('target') for name in weights)


def test_the_teacher_moves_with_the_model(build):
    model = build('wwt')
    model.target.load()
    model.double()
    assert next(model.target.load().parameters()).dtype == torch.float64


def test_the_teacher_sees_its_own_size_and_normalisation(build):
    model = build('wwt', **{'target.size': (80, 80), 'target.mean': (0, 0, 0)})
    model.target.std.fill_(255)
    pixels = 255 * torch.rand(1, 3, 64, 64)
    resized = F.interpolate(
        pixels / 255, (80, 80), mode='bicubic', align_corners=False, antialias=True
    )
    features = model.target(pixels)
    assert features.shape == (1, 96, 10, 10)
    expected = model.target.load()(resized)[0][:, 1:]
    torch.testing.assert_close(features.flatten(2).mT, expected)


@pytest.fixture
def teacher(tmp_path):
    """Saves a ViT, with names as mmpretrain's classifiers have them, and more."""

    def save(cfg, **extra):
        torch.manual_seed(3)
        vit = MODELS.build(dict(cfg))
        weights = {f'backbone.{n}': w for n, w in vit.state_dict().items()}
        path = tmp_path / 'teacher.pth'
        torch.save(dict(state_dict=weights | extra), path)
        return str(path), vit

    return save


def test_the_teacher_is_read_from_a_classifier(build, teacher):
    cfg = build('wwt').target.backbone_cfg
    path, vit = teacher(cfg, **{'head.layers.weight': torch.zeros(2)})
    model = build('wwt', **{'target.checkpoint': path})
    loaded = model.target.load().state_dict()
    assert all(torch.equal(loaded[n], w) for n, w in vit.state_dict().items())


def test_the_masked_autoencoder_of_the_scenes_is_a_teacher(build, tmp_path):
    cfg = load_config(REPOSITORY / 'configs' / 'mmpretrain' / 'mae_vit_scenes.py')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        autoencoder = MODELS.build(cfg.model)
    path = tmp_path / 'epoch.pth'
    torch.save(dict(state_dict=autoencoder.state_dict()), path)
    model = build('wwt', **{'target.checkpoint': str(path)})
    images = torch.randn(1, 3, 64, 64)
    autoencoder.eval()
    expected = autoencoder.backbone(images, mask=None)  # nothing hidden
    found = model.target.load()(images)[0]
    torch.testing.assert_close(found, expected[0])


def test_a_teacher_that_is_missing_or_another_is_an_error(build, teacher, tmp_path):
    model = build('wwt', **{'target.checkpoint': str(tmp_path / 'gone.pth')})
    with pytest.raises(CheckpointError, match=r'no teacher at .*gone\.pth'):
        model.init_weights()
    cfg = build('wwt').target.backbone_cfg
    for arch in (dict(cfg['arch'], num_layers=2), dict(cfg['arch'], embed_dims=48)):
        path, _ = teacher(cfg | dict(arch=arch))
        model = build('wwt', **{'target.checkpoint': path})
        with pytest.raises(CheckpointError, match=r'does not fit model\.target'):
            model.target.load()


@pytest.mark.parametrize('name', ['wwt', 'wwt_rgb', 'wwt_zeroshot'])
def test_wwt_is_tested_without_its_teacher(build, name):
    model = build(name).eval()
    if name == 'wwt':
        model.target.checkpoint = 'gone.pth'
    with torch.no_grad():
        samples = model(**batch(model, training=False), mode='predict')
    assert samples[0].pred_sem_seg.data.shape == (1, 80, 80)


def test_a_pixel_belongs_to_the_slot_with_the_largest_resized_share(build):
    model = build('wwt').eval()
    data = batch(model, training=False)
    with torch.no_grad():
        masks = model(data['inputs'], mode='tensor').masks
        samples = model(**data, mode='predict')
    for shares, sample in zip(masks, samples, strict=True):
        resized = F.interpolate(shares[None], (80, 80), mode='bilinear')
        assert torch.equal(sample.pred_sem_seg.data, resized.argmax(1))


def test_zero_shot_evaluation_has_nothing_to_train(build):
    model = build('wwt_zeroshot')
    with pytest.raises(ConfigError, match='nothing to train'):
        model(**batch(model), mode='loss')


def test_a_model_without_target_is_refused(build):
    with pytest.raises(ConfigError, match='model.target is missing'):
        build('dinosaur_mlp', target=None)


def test_a_teacher_tells_the_features_that_are_asked_for():
    arch = dict(embed_dims=12, num_layers=2, num_heads=3, feedforward_channels=24)
    vit = dict(type='mmpretrain.VisionTransformer', arch=arch, img_size=16)
    teacher = FeatureTeacher(
        dict(vit, patch_size=4, out_type='raw'),
        'random',
        mean=(0, 0, 0),
        std=(1, 1, 1),
        features='key',
    )
    images = torch.randn(1, 3, 16, 16)
    keys = read_features(teacher.load(), images, which='key')[0]
    torch.testing.assert_close(teacher(images), keys.permute(0, 3, 1, 2))


def test_segments_are_drawn_beside_the_image_in_its_colours():
    image = torch.zeros(3, 4, 6)
    image[2] = 255  # BGR: red
    sample = SegDataSample()
    sample.pred_sem_seg = PixelData(data=torch.zeros(1, 4, 6, dtype=torch.long))
    picture = draw_segments(image, sample)
    assert picture.shape == (4, 12, 3)
    assert (picture[:, :6] == [255, 0, 0]).all()
