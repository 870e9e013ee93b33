"""Residual sums with stochastic depth."""

import torch
from torch import Tensor, nn

from .in_place import add


class ResidualSum(nn.Module):
    """``x + update``, where some images of a batch go without their update.

    The others' is scaled up for it (Huang et al., 2016). Scaling and adding are one
    pass over the data, which libraries' DropPath takes two for, and their sum another.

    Args:
        drop_rate: Probability for an image to go without, in training.
    """

    def __init__(self, drop_rate: float) -> None:
        super().__init__()
        self.drop_rate = drop_rate

    def forward(self, x: Tensor, update: Tensor) -> Tensor:
        """Add ``update``, ``(B, L, D)``, to ``x``, of that shape or ``(1, L, D)``.

        Without gradients, ``update`` is overwritten.
        """
        if not (self.training and self.drop_rate):
            return add(update, x)
        kept = 1 - self.drop_rate
        scale = x.new_empty(len(update), 1, 1).bernoulli_(kept).div_(kept)
        return torch.addcmul(x, update, scale)

    def extra_repr(self) -> str:
        """What the module's text shows."""
        return f'drop_rate={self.drop_rate}'
