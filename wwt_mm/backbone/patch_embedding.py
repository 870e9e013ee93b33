"""Patches to tokens by one linear layer."""

import torch.nn.functional as F
from torch import Tensor, nn


class PatchEmbedding(nn.Conv2d):
    """A convolution whose stride is its kernel, computed as one matrix product.

    Weights have the names and shapes of the convolution that other ViTs have, but
    bfloat16 on CPUs, for one, has a fast matrix product and a slow convolution of this
    form: 80 times slower at 4 images of 512 pixels.

    Args:
        in_channels: Channels ``C`` of the image.
        embed_dims: Channels ``D`` of tokens.
        size: Side of a patch in pixels.
    """

    def __init__(self, in_channels: int, embed_dims: int, size: int) -> None:
        super().__init__(in_channels, embed_dims, size, stride=size)

    def forward(self, image: Tensor) -> Tensor:
        """``(B, C, H, W)``, sides multiples of the patch's, to ``(B, h, w, D)``."""
        size = self.stride[0]
        patches = image.unflatten(3, (-1, size)).unflatten(2, (-1, size))
        patches = patches.permute(0, 2, 4, 1, 3, 5).flatten(3)  # (B, h, w, C * p * p)
        return F.linear(patches, self.weight.flatten(1), self.bias)
