"""ViTs with the weights of timm give timm's features, with registers too."""

import math

import pytest
import timm
import torch
from mmpretrain.registry import MODELS
from timm.models.vision_transformer import VisionTransformer

from wwt_mm.discovery import RegisterVisionTransformer
from wwt_mm.discovery.vit_checkpoint_hook import to_mmpretrain
from wwt_mm.errors import ConfigError

SHAPE = dict(img_size=32, patch_size=8, embed_dim=48, depth=3, num_heads=3)
ARCH = dict(embed_dims=48, num_layers=3, num_heads=3, feedforward_channels=192)


def teacher(**kwargs):
    torch.manual_seed(0)
    model = VisionTransformer(num_classes=0, **SHAPE, **kwargs).eval()
    for parameter in model.parameters():  # nothing may be at its neutral value
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def student(kind, checkpoint, **kwargs):
    cfg = dict(arch=ARCH, img_size=32, patch_size=8, out_type='raw', **kwargs)
    model = MODELS.build(dict(type=f'mmpretrain.{kind}', **cfg))
    model.eval()
    weights = to_mmpretrain(checkpoint)
    weights = {name.removeprefix('backbone.'): w for name, w in weights.items()}
    model.load_state_dict(weights)
    return model


@pytest.mark.parametrize(
    'wrap',
    [
        lambda weights: weights,
        lambda weights: {'model': weights},
        lambda weights: {
            'teacher': {f'backbone.{name}': w for name, w in weights.items()}
        },
    ],
    ids=['bare', 'DeiT', 'DINO'],
)
def test_a_vit_gives_the_features_that_timm_gives(wrap):
    reference = teacher()
    model = student('VisionTransformer', wrap(reference.state_dict()))
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model(images)[0], reference.forward_features(images))


def test_a_vit_with_registers_and_layer_scale_gives_the_features_that_timm_gives():
    reference = teacher(reg_tokens=4, no_embed_class=True, init_values=0.1)
    model = student(
        'RegisterVisionTransformer',
        reference.state_dict(),
        num_registers=4,
        layer_scale_init_value=0.1,
    )
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model(images)[0], reference.forward_features(images))


def cubic(values, place):
    """A value between rows, by torch's cubic convolution (its parameter is -0.75)."""
    total = 0.0
    for row in range(math.floor(place) - 1, math.floor(place) + 3):
        x = abs(place - row)
        near = 1.25 * x**3 - 2.25 * x**2 + 1
        far = -0.75 * (x**3 - 5 * x**2 + 8 * x - 4)
        total += (near if x <= 1 else far) * float(values[row])
    return total


def test_positions_are_resampled_as_dino_does():
    cfg = dict(arch=ARCH, img_size=112, patch_size=8, num_registers=0)
    rows = torch.randn(14, generator=torch.Generator().manual_seed(0))
    grid = (23, 31)
    for resampling, patches in (('size', 23), ('scale', 23.1)):
        model = RegisterVisionTransformer(resampling=resampling, **cfg)
        model.pos_embed.data[0, 1:] = rows.repeat_interleave(14)[:, None]
        positions = model.positions(grid)
        assert positions.shape == (1, 1 + 23 * 31, 48)
        assert torch.equal(positions[:, 0], model.pos_embed[:, 0])
        found = positions[0, 1:, 0].view(grid)[:, 15].tolist()
        for row in range(3, 20):
            expected = cubic(rows, (row + 0.5) * 14 / patches - 0.5)  # DINO adds 0.1
            assert found[row] == pytest.approx(expected, abs=1e-4)
    with pytest.raises(ConfigError, match="'nearest' is unknown"):
        RegisterVisionTransformer(resampling='nearest', **cfg)


def test_positions_that_shrink_are_smoothed_on_request():
    cfg = dict(arch=ARCH, img_size=112, patch_size=8)
    for resampling, smooth in (('size', False), ('antialias', True)):
        model = RegisterVisionTransformer(resampling=resampling, **cfg)
        board = (torch.arange(14)[:, None] + torch.arange(14)) % 2
        model.pos_embed.data[0, 1:] = board.flatten()[:, None].float()
        spread = model.positions((5, 5))[0, 1:].std(0).max()
        assert (float(spread) < 0.1) == smooth


def test_without_registers_it_is_the_vit_of_mmpretrain():
    reference = teacher().state_dict()
    images = torch.randn(2, 3, 48, 40)
    expected = student('VisionTransformer', reference)(images)[0]
    plain = student('RegisterVisionTransformer', reference, num_registers=0)
    torch.testing.assert_close(plain(images)[0], expected)
    exact = student(
        'RegisterVisionTransformer', reference, num_registers=0, resampling='scale'
    )
    assert not torch.allclose(exact(images)[0], expected)


def test_registers_are_in_no_map_of_features():
    torch.manual_seed(0)
    cfg = dict(arch=ARCH, img_size=32, patch_size=8, num_registers=3)
    model = RegisterVisionTransformer(out_type='raw', **cfg)
    model.eval()
    images = torch.randn(1, 3, 40, 20)  # padded to 5 x 3 patches
    (raw,) = model(images)
    assert raw.shape == (1, 1 + 3 + 15, 48)
    model.out_type = 'featmap'
    torch.testing.assert_close(model(images)[0].flatten(2).mT, raw[:, 4:])
    model.out_type = 'cls_token'
    torch.testing.assert_close(model(images)[0], raw[:, 0])


def test_checkpoints_of_this_project_are_left_alone():
    assert to_mmpretrain({'state_dict': {'backbone.layers.0.ln1.weight': 1}}) is None
    assert to_mmpretrain({'state_dict': {'backbone.slots': 1}}) is None


def test_every_name_of_a_full_deit_is_known():
    names = timm.create_model('deit_tiny_patch16_224').state_dict()
    cfg = dict(type='mmpretrain.VisionTransformer', arch='deit-tiny', out_type='raw')
    expected = {f'backbone.{name}' for name in MODELS.build(cfg).state_dict()}
    assert set(to_mmpretrain({'model': names})) == expected


def test_names_of_wrapped_nested_and_gated_layers_are_translated():
    names = (
        'blocks.0.11.norm1.weight',
        'blocks.3.mlp.w12.weight',
        'blocks.3.mlp.w3.bias',
    )
    others = ('mask_token', 'head.weight', 'norm.bias')
    weights = {f'module.backbone.{name}': 1 for name in (*names, *others)}
    layers = ('11.ln1.weight', '3.ffn.w12.weight', '3.ffn.w3.bias')
    expected = {'backbone.ln1.bias', *(f'backbone.layers.{layer}' for layer in layers)}
    assert set(to_mmpretrain(weights)) == expected
