"""What discovery methods read from a frozen backbone: features of patches, and size.

Works with mmpretrain's ``VisionTransformer`` (DeiT, DINO, DINOv2; with registers:
:class:`RegisterVisionTransformer`) and with :class:`WhatWhereTransformer`.
"""

from typing import NamedTuple

from mmpretrain.models.backbones import VisionTransformer
from torch import Tensor, nn

from ..backbone import WhatWhereTransformer
from ..errors import ConfigError, one_of


class PatchFeatures(NamedTuple):
    """Features of the patches of a batch.

    Attributes:
        features: ``(B, h, w, D)``.
        padding_mask: ``(B, h, w)`` bool, ``True`` where there is no image; ``None`` if
            there is image everywhere.
    """

    features: Tensor
    padding_mask: Tensor | None


def read_features(
    backbone: nn.Module,
    images: Tensor,
    padding_mask: Tensor | None = None,
    which: str = 'key',
) -> PatchFeatures:
    """Run a backbone and read features of its patches.

    Args:
        backbone: A ViT, or a What-Where Transformer with ``out_type='slot_masks'``.
        images: ``(B, 3, H, W)``.
        padding_mask: ``(B, H, W)`` bool, ``True`` where there is no image; only for a
            What-Where Transformer.
        which: ``'key'``, ``'query'`` or ``'value'`` of the last attention layer of a
            ViT, all heads one after another; or ``'token'``, the output of the last
            layer, of either.

    Returns:
        Features of the patches, without class token and registers.

    Raises:
        ConfigError: If the backbone has no such features.
    """
    one_of('features', which, ('key', 'query', 'value', 'token'))
    if isinstance(backbone, WhatWhereTransformer):
        if which != 'token':
            raise ConfigError(
                f'a WhatWhereTransformer has no {which} per patch that ViTs have too: '
                "use features='token'"
            )
        output = backbone(images, padding_mask)[-1]
        return PatchFeatures(output.tokens.permute(0, 2, 3, 1), output.padding_mask)
    check_vit(backbone)
    if which == 'token':
        tokens = backbone(images)[-1]
    else:
        tokens = _last_projection(backbone, images, which)
    grid = grid_of(backbone, images)
    tokens = tokens[:, -grid[0] * grid[1] :]  # others stand before the patches
    return PatchFeatures(tokens.unflatten(1, grid), None)


def check_vit(backbone: nn.Module) -> None:
    """Raise :class:`ConfigError` unless the backbone is a ViT with raw output."""
    if not isinstance(backbone, VisionTransformer):
        raise ConfigError(
            f'this discovery method reads a VisionTransformer of mmpretrain, not '
            f'{type(backbone).__name__}'
        )
    if backbone.out_type != 'raw':
        raise ConfigError(
            f"set out_type='raw' in the config of the VisionTransformer, instead of "
            f'{backbone.out_type!r}: object discovery reads all of its tokens'
        )


def patch_size_of(backbone: nn.Module) -> tuple[int, int]:
    """Height and width of a backbone's patches in pixels."""
    if isinstance(backbone, WhatWhereTransformer):
        return backbone.patch_size, backbone.patch_size
    check_vit(backbone)
    return tuple(backbone.patch_embed.projection.stride)


def grid_of(backbone: nn.Module, images: Tensor) -> tuple[int, int]:
    """Rows and columns of patches that cover images ``(B, C, H, W)``."""
    height, width = patch_size_of(backbone)
    return -(-images.shape[2] // height), -(-images.shape[3] // width)


def _last_projection(backbone: VisionTransformer, images: Tensor, which: str) -> Tensor:
    """Queries, keys or values ``(B, L, D)`` of the last attention layer."""
    recorded = []
    attention = backbone.layers[-1].attn
    handle = attention.qkv.register_forward_hook(
        lambda module, inputs, output: recorded.append(output)
    )
    try:
        backbone(images)
    finally:
        handle.remove()
    order = ('query', 'key', 'value').index(which)
    return recorded[-1].chunk(3, dim=-1)[order]
