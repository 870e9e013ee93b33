"""RGB values as what slots have to predict."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class PixelTarget(BaseModule):
    """Normalised pixels, as an image or as one vector for each patch.

    Args:
        mean: Mean of R, G and B between 0 and 255.
        std: Standard deviation of the same.
        patch_size: Side of the patches whose pixels become channels; ``None`` keeps the
            image.
    """

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        patch_size: int | None = None,
    ) -> None:
        super().__init__()
        self.patch_size = patch_size
        for name, value in (('mean', mean), ('std', std)):
            value = torch.tensor(value, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, value, persistent=False)

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """Make the target of images.

        Args:
            pixels: RGB ``(B, 3, H, W)`` between 0 and 255.

        Returns:
            ``(B, 3, H, W)``; with patches ``(B, 3 * p * p, H / p, W / p)``.
        """
        images = (pixels - self.mean) / self.std
        if self.patch_size is None:
            return images
        return F.pixel_unshuffle(images, self.patch_size)
