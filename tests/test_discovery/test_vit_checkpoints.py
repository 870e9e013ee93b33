"""ViTs with the weights of timm give timm's features, with registers too."""

import pytest
import timm
import torch
from mmpretrain.registry import MODELS
from timm.models.vision_transformer import VisionTransformer

from wwt_mm.discovery import RegisterVisionTransformer
from wwt_mm.discovery.vit_checkpoint_hook import to_mmpretrain

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
