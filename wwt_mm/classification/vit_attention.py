"""Attention maps of mmpretrain's ViTs, read by hooks: the models stay as they are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from wwt_mm.errors import ConfigError


@contextmanager
def record_attentions(vit: nn.Module) -> Iterator[list[Tensor]]:
    """Record the attention of each layer while a ViT runs.

    mmpretrain's attention never exists as a tensor (it runs fused), so it is computed
    again from the queries and keys that a hook sees.

    Args:
        vit: Any module with layers of mmpretrain's ``MultiheadAttention``, such as
            ``VisionTransformer``.

    Yields:
        A list that a forward pass inside the block fills with one ``(B, H, L, L)`` for
        each layer, from first to last: how much each token (row) reads of each token
        (column) of ``L``, after the softmax. A further pass replaces them.

    Raises:
        ConfigError: If the module has no such layer.
    """
    layers = [m for m in vit.modules() if isinstance(m, MultiheadAttention)]
    if not layers:
        raise ConfigError(
            f"{type(vit).__name__} has none of mmpretrain's MultiheadAttention layers: "
            'attention maps need a backbone such as VisionTransformer'
        )
    attentions: list[Tensor] = [torch.empty(0)] * len(layers)

    def recorder(index: int):
        def record(qkv: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            attentions[index] = _attention(output, layers[index].num_heads)

        return record

    handles = [
        layer.qkv.register_forward_hook(recorder(index))
        for index, layer in enumerate(layers)
    ]
    try:
        yield attentions
    finally:
        for handle in handles:
            handle.remove()


def class_token_attention(attention: Tensor, grid: tuple[int, int]) -> Tensor:
    """What the class token reads of each patch, in one layer.

    Args:
        attention: ``(B, H, L, L)``, e.g. the last that :func:`record_attentions` gives.
            The class token comes first, the patches last.
        grid: Height ``h`` and width ``w`` in patches: :func:`patch_grid`.

    Returns:
        ``(B, H, h, w)``; the rest of each sum of one goes to the class token and other
        extra tokens.
    """
    return _patches(attention[:, :, 0], grid)


def rollout(attentions: Sequence[Tensor], grid: tuple[int, int]) -> Tensor:
    """What reaches the class token from each patch through all layers.

    Attention rollout (Abnar and Zuidema, 2020): heads are averaged, half of what a
    token holds is its own (the residual), and layers multiply. Only the row of the
    class token is computed, from the last layer to the first.

    Args:
        attentions: ``(B, H, L, L)`` for each layer, from first to last.
        grid: Height ``h`` and width ``w`` in patches.

    Returns:
        ``(B, h, w)``.
    """
    batch, _, length, _ = attentions[-1].shape
    row = attentions[-1].new_zeros(batch, 1, length)
    row[..., 0] = 1  # the class token
    for attention in reversed(attentions):
        row = 0.5 * (row + row @ attention.mean(1))
    return _patches(row[:, 0], grid)


def patch_grid(vit: VisionTransformer, image_size: tuple[int, int]) -> tuple[int, int]:
    """Height and width in patches that a ViT cuts an image into.

    Args:
        vit: mmpretrain's ViT, which pads images to whole patches.
        image_size: Height and width of the image in pixels.

    Raises:
        ConfigError: If the ViT has no class token to explain.
    """
    if vit.cls_token is None:
        raise ConfigError(
            'class-token attention and rollout need a ViT with with_cls_token=True'
        )
    strides = vit.patch_embed.projection.stride
    height, width = (-(-size // s) for size, s in zip(image_size, strides, strict=True))
    return height, width


def _attention(qkv: Tensor, heads: int) -> Tensor:
    """Softmax attention ``(B, H, L, L)`` from the output ``(B, L, 3D)`` of ``qkv``."""
    q, k, _ = qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    return (q * q.shape[-1] ** -0.5 @ k.mT).softmax(-1)


def _patches(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """The patches ``(..., h, w)`` of tokens ``(..., L)``."""
    return tokens[..., -grid[0] * grid[1] :].unflatten(-1, grid)
