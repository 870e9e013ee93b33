"""Numbers stay finite where they are hard, and depend on nothing they should not."""

import json

import pytest
import torch
from mmengine.registry import init_default_scope

from wwt_mm.backbone import WhatWhereTransformer
from wwt_mm.engine import load_config, train

from .small import CLASSIFICATION, DETECTION, SEGMENTATION, options

TINY = dict(embed_dims=48, num_layers=4, num_heads=3)


@pytest.fixture
def backbone():
    torch.manual_seed(0)
    model = WhatWhereTransformer(TINY, img_size=64, patch_size=8, num_slots=8)
    model.init_weights()
    return model.eval()


def scale_scores(model, factor):
    """Scales what tokens and slots compare by ``factor``, before masks are added."""
    with torch.no_grad():
        for block in model.blocks:
            attention = block.attn
            for parameter in attention.token_qv.parameters():
                parameter.chunk(2)[0].mul_(factor**0.5)
            for parameter in attention.slot_kv.parameters():
                parameter.chunk(2)[0].mul_(factor**0.5)


def all_finite(output):
    parts = (output.slots, output.masks, output.tokens)
    return all(part.isfinite().all() for part in parts)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_stays_finite_with_scores_scaled_up(backbone, dtype):
    scale_scores(backbone, 1e4)
    with torch.autocast('cpu', dtype):
        (output,) = backbone(torch.randn(2, 3, 64, 64))
        loss = output.slots.float().square().mean()
    loss.backward()
    assert all_finite(output)
    assert all(
        p.grad.isfinite().all() for p in backbone.parameters() if p.grad is not None
    )


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_one_token_among_padding_is_enough(backbone, dtype):
    padding = torch.ones(1, 64, 64, dtype=torch.bool)
    padding[:, :8, :8] = False
    image = torch.randn(1, 3, 64, 64)
    with torch.autocast('cpu', dtype, enabled=dtype != torch.float32):
        (output,) = backbone(image, padding)
    assert all_finite(output)
    if dtype == torch.float32:
        (alone,) = backbone(image[..., :8, :8])
        torch.testing.assert_close(output.slots, alone.slots, rtol=0, atol=1e-5)


@pytest.mark.parametrize('value', [0.0, 1.0, -2.5, 255.0])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_constant_images_give_finite_values_and_gradients(backbone, dtype, value):
    image = torch.full((2, 3, 64, 64), value)
    with torch.autocast('cpu', dtype, enabled=dtype != torch.float32):
        (output,) = backbone(image)
        loss = output.slots.float().square().mean()
    loss.backward()
    assert all_finite(output)
    assert backbone.patch_embed.weight.grad.isfinite().all()


@pytest.mark.parametrize('config', [CLASSIFICATION, DETECTION, SEGMENTATION])
def test_outputs_of_an_image_do_not_depend_on_its_batch(config):
    cfg = load_config(config)
    init_default_scope(cfg.default_scope)
    from mmengine.registry import MODELS

    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    images = torch.randn(5, 3, 64, 64)
    with torch.no_grad():
        together = model.backbone(images)[0].slots
        alone = torch.cat([model.backbone(image[None])[0].slots for image in images])
        mixed = model.backbone(images[[3, 1]])[0].slots
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(mixed, together[[3, 1]], rtol=0, atol=1e-5)


def test_the_same_seed_gives_the_same_losses(isolated, classification_root, tmp_path):
    losses = []
    for name in ('first', 'second'):
        work_dir = tmp_path / name
        arguments = [CLASSIFICATION, '--seed', 5, '--work-dir', work_dir]
        arguments += options(classification_root, batch_size=5)
        train.main([str(argument) for argument in arguments])
        (scalars,) = work_dir.glob('*/vis_data/scalars.json')
        lines = map(json.loads, scalars.read_text().splitlines())
        losses.append([line['loss'] for line in lines if 'loss' in line])
    assert len(losses[0]) == 4
    assert losses[0] == losses[1]
