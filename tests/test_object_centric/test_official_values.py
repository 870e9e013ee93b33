"""Baselines have the values of their authors' public configs, at full size."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import CosineAnnealingLR, ExponentialLR, LinearLR
from mmengine.registry import MODELS
from mmseg.registry import TRANSFORMS

from wwt_mm.engine import load_config

from .conftest import CONFIGS

SCHEDULERS = {
    kind.__name__: kind for kind in (CosineAnnealingLR, ExponentialLR, LinearLR)
}


def config(name):
    return load_config(CONFIGS / f'ocl_{name}.py')


def rates(cfg, shorter=500):
    """Learning rates of a schedule that is `shorter` times as fast."""
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], cfg.optim_wrapper.optimizer.lr)
    schedulers = []
    for options in cfg.param_scheduler:
        options = dict(options)
        kind = SCHEDULERS[options.pop('type')]
        for key in ('begin', 'end'):
            if key in options:
                options[key] //= shorter
        if 'gamma' in options:
            options['gamma'] **= shorter
        schedulers.append(kind(optimizer, **options))
    found = []
    for _ in range(cfg.train_cfg.max_iters // shorter):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return np.array(found)


def decays(steps, rate, warmup, halved):
    """`exponential_decay_after_optional_warmup` of DINOSAUR's authors."""
    iterations = np.arange(steps)
    falling = 0.5 ** (np.maximum(iterations - warmup, 0) / halved)
    return rate * np.minimum(1, iterations / warmup) * falling


@pytest.mark.parametrize(
    'name, steps, rate, warmup, halved',
    [
        ('dinosaur_mlp_voc12', 300_000, 4e-4, 10_000, 100_000),
        ('dinosaur_transformer_coco', 500_000, 4e-4, 10_000, 100_000),
        ('slate_voc12', 400_000, 3e-4, 30_000, 250_000),
        ('slate_coco', 250_000, 3e-4, 30_000, 250_000),
    ],
)
def test_the_decay_begins_after_the_warm_up(name, steps, rate, warmup, halved):
    expected = decays(steps // 500, rate, warmup // 500, halved // 500)
    found = rates(config(name))
    assert len(found) == len(expected)
    np.testing.assert_allclose(found[warmup // 500 :], expected[warmup // 500 :], 0.01)
    np.testing.assert_allclose(found, expected, atol=0.06 * rate)  # one step of 20


@pytest.mark.parametrize('name', ['slot_attention_voc12', 'slot_attention_coco'])
def test_slot_attention_learns_by_a_cosine(name):
    found = rates(config(name), shorter=100)
    steps, warmup = 5000, 25
    done = (np.arange(steps) - warmup) / (steps - warmup)
    expected = 2e-4 * (1 + np.cos(math.pi * done)) / 2
    assert len(found) == steps
    np.testing.assert_allclose(found[warmup:], expected[warmup:], atol=4e-7)
    assert found[0] < 1e-6 and (np.diff(found[:warmup]) > 0).all()


@pytest.mark.parametrize(
    'name, slots',
    [
        ('slot_attention_voc12', 11),
        ('slot_attention_coco', 11),
        ('dinosaur_mlp_voc12', 6),
        ('dinosaur_mlp_coco', 7),
        ('slate_voc12', 7),
        ('slate_coco', 11),
    ],
)
def test_batches_clipping_and_numbers_of_slots(name, slots):
    cfg = config(name)
    assert cfg.model.grouping.num_slots == slots
    assert cfg.train_dataloader.batch_size * 8 == 64  # on 8 GPUs
    assert cfg.optim_wrapper.optimizer.type == 'Adam'
    assert cfg.optim_wrapper.clip_grad.max_norm == 1.0


def test_slot_attention_reads_128_pixels_by_savis_resnet():
    model = MODELS.build(config('slot_attention_voc12').model)
    stem = model.backbone.conv1
    assert stem.kernel_size == (7, 7) and stem.stride == (1, 1)
    assert model.backbone.maxpool.stride == 1
    norms = [m for m in model.backbone.modules() if isinstance(m, torch.nn.GroupNorm)]
    assert len(norms) == 36 and {norm.num_groups for norm in norms} == {32}
    black, white = torch.zeros(3, 128, 128), torch.full((3, 128, 128), 255)
    data = model.data_preprocessor(dict(inputs=[black, white]))
    assert data['inputs'].unique().tolist() == [-1, 1]
    assert model.target(model.to_pixels(data['inputs'])).unique().tolist() == [-1, 1]
    (features,) = model.backbone(data['inputs'])
    assert features.shape == (2, 512, 16, 16)
    assert model.grouping.read[1].out_features == 256
    assert model.grouping.mlp[0].out_features == 512
    assert model.grouping.iterations == 3
    images = model.decoder(model.grouping(features)).prediction
    assert images.shape == (2, 3, 128, 128) and images.abs().max() <= 1


def test_dinosaurs_feature_mlp_and_transformer():
    cfg = config('dinosaur_transformer_coco')
    cfg.model.target = dict(type='PixelTarget')  # no teacher of its size is needed
    model = MODELS.build(cfg.model)
    assert [layer.out_features for layer in model.grouping.read[1::2]] == [768, 256]
    assert model.grouping.mlp[0].out_features == 4 * 256
    blocks = model.decoder.blocks
    assert len(blocks) == 4 and blocks[0].self_attn.num_heads == 8
    assert blocks[0].linear1.out_features == 4 * 768
    assert blocks[0].activation is F.relu and blocks[0].dropout.p == 0
    assert isinstance(model.decoder.write, torch.nn.Identity)
    voc = config('dinosaur_transformer_voc12').model.decoder
    assert (voc.num_layers, voc.num_heads) == (4, 4)


def test_slate_has_4096_tokens_7_iterations_and_8_layers():
    model = MODELS.build(config('slate_voc12').model)
    vae, decoder = model.target, model.decoder
    assert vae.dictionary.weight.shape == (4096, 192)
    assert vae.temperatures == (1.0, 0.1) and vae.annealing == 30_000
    assert vae.positions.shape == (1, 192, 128 // 4, 128 // 4)
    assert model.grouping.iterations == 7
    assert model.grouping.mlp[0].out_features == 192
    assert isinstance(model.grouping.read, torch.nn.Identity)
    assert len(decoder.blocks) == 8 and decoder.blocks[0].self_attn.num_heads == 8
    assert decoder.blocks[0].dropout.p == vae.dropout.p == 0.1
    assert decoder.write.out_features == 4096 and decoder.masks_from == 'grouping'


@pytest.mark.parametrize(
    'name, size, mode',
    [
        ('dinosaur_mlp_voc12', 224, 'bicubic'),
        ('dinosaur_mlp_coco', 224, 'bicubic'),
        ('slot_attention_voc12', 128, 'bilinear'),
        ('slate_coco', 128, 'bilinear'),
    ],
)
def test_images_are_made_smaller_without_smoothing(name, size, mode):
    cfg = config(name)
    image = np.random.default_rng(0).integers(0, 256, (448, 560, 3), np.uint8)
    expected = F.interpolate(
        torch.from_numpy(image).permute(2, 0, 1)[None].float(),
        (size, size * 560 // 448),
        mode=mode,
        align_corners=False,
    ).clamp(0, 255)[0]
    datasets = cfg.train_dataloader.dataset
    for dataset in (*datasets.get('datasets', [datasets]), cfg.test_dataloader.dataset):
        (resize,) = (step for step in dataset.pipeline if step.type == 'Resize')
        found = TRANSFORMS.build(resize)(dict(img=image))['img']
        error = torch.from_numpy(found).permute(2, 0, 1) - expected
        assert error.abs().max() <= 1  # grey levels
