"""Stochastic depth that compiles once for all blocks."""

import torch
from torch import Tensor, nn


class DropPath(nn.Module):
    """Leave out a residual branch for some images of a batch (Huang et al., 2016).

    The others' is scaled up for it. The rate is a tensor, not a number as in the
    libraries: compilers build numbers into the code, once for each block.

    Args:
        rate: Probability for an image to go without, in training.
    """

    kept: Tensor

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.register_buffer('kept', torch.tensor(1 - rate), persistent=False)

    def forward(self, update: Tensor) -> Tensor:
        """Scale or zero each image's update, ``(B, L, D)``."""
        if not self.training:
            return update
        scale = self.kept.expand(len(update)).bernoulli() / self.kept
        return update * scale.to(update.dtype)[:, None, None]
