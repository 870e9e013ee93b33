"""RGB values as what slots have to predict."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class PixelTarget(BaseModule):
    """Normalised pixels.

    Args:
        mean: Mean of R, G and B between 0 and 255.
        std: Standard deviation of the same.
    """

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
    ) -> None:
        super().__init__()
        for name, value in (('mean', mean), ('std', std)):
            value = torch.tensor(value, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, value, persistent=False)

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """Make the target of images: RGB ``(B, 3, H, W)`` between 0 and 255."""
        return (pixels - self.mean) / self.std
