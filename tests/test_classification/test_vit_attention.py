"""Attention and rollout of an unchanged mmpretrain ViT, against what they should be."""

import numpy as np
import pytest
import torch
from mmpretrain.models.backbones import ResNet, VisionTransformer

from wwt_mm.classification import (
    class_token_attention,
    patch_grid,
    record_attentions,
    rollout,
)
from wwt_mm.errors import ConfigError

ARCH = dict(embed_dims=12, num_layers=3, num_heads=3, feedforward_channels=24)


def vit(**options):
    torch.manual_seed(0)
    options = dict(arch=ARCH, img_size=16, patch_size=4) | options
    model = VisionTransformer(**options)
    model.init_weights()
    model.eval()
    return model.double()


def image(height=16, width=16):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, height, width, generator=generator).double()


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level('ERROR')


def record(model, inputs):
    with torch.no_grad(), record_attentions(model) as attentions:
        model(inputs)
    return attentions


def test_recorded_attention_times_values_is_the_output_of_each_layer():
    model, seen = vit(), []
    handles = [
        layer.attn.register_forward_hook(lambda m, x, y: seen.append((m, x[0], y)))
        for layer in model.layers
    ]
    attentions = record(model, image())
    for handle in handles:
        handle.remove()
    assert len(attentions) == len(seen) == 3
    for attention, (module, tokens, output) in zip(attentions, seen, strict=True):
        assert attention.shape == (2, 3, 17, 17)
        assert torch.allclose(attention.sum(-1), torch.ones(2, 3, 17).double())
        values = module.qkv(tokens)[..., 24:].unflatten(-1, (3, 4)).transpose(1, 2)
        mixed = (attention @ values).transpose(1, 2).flatten(2)
        assert torch.allclose(module.proj(mixed), output)


def test_recording_changes_no_output_and_leaves_no_hook_behind():
    model = vit()
    with torch.no_grad():
        before = model(image())[0]
        with pytest.raises(RuntimeError), record_attentions(model) as attentions:
            assert torch.equal(model(image())[0], before)
            raise RuntimeError
        recorded = attentions[0]
        model(image() + 1)
    assert attentions[0] is recorded
    assert not any(m._forward_hooks for m in model.modules())


@pytest.mark.parametrize('height, width', [(16, 16), (20, 12), (18, 13)])
def test_class_token_attention_puts_each_patch_in_its_place(height, width):
    model = vit()
    grid = patch_grid(model, (height, width))
    attention = record(model, image(height, width))[-1]
    maps = class_token_attention(attention, grid)
    for y in range(grid[0]):
        for x in range(grid[1]):
            token = 1 + y * grid[1] + x
            assert torch.equal(maps[:, :, y, x], attention[:, :, 0, token])
    assert attention.shape[-1] == 1 + grid[0] * grid[1]


def test_rollout_is_the_product_of_averaged_residual_attentions():
    attentions = record(vit(), image(20, 12))
    for index in range(2):
        joint = np.eye(16)
        for attention in attentions:
            mean = attention[index].numpy().mean(0)
            layer = mean + np.eye(16)
            layer = layer / layer.sum(-1, keepdims=True)
            joint = layer @ joint
        expected = joint[0, 1:].reshape(5, 3)
        assert np.allclose(rollout(attentions, (5, 3))[index].numpy(), expected)


def test_models_without_attention_or_class_token_are_refused():
    with pytest.raises(ConfigError, match='ResNet'), record_attentions(ResNet(18)):
        pass
    model = vit(with_cls_token=False, out_type='avg_featmap')
    with pytest.raises(ConfigError, match='with_cls_token'):
        patch_grid(model, (16, 16))
