"""Learned position embeddings for any grid of tokens, padded or not."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PositionEmbedding(nn.Module):
    """A learned ``(1, D, gh, gw)`` map, resampled bicubically to the grid at hand.

    Resampling to other sizes is not given in the paper; this is what ViTs do. The map
    spans each *image*, not the batch's canvas, so an image gets the same embeddings
    whatever it is batched with.

    Args:
        embed_dims: Channels ``D``.
        grid: Height and width in tokens that the model is built for.
    """

    def __init__(self, embed_dims: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, embed_dims, *grid))
        nn.init.trunc_normal_(self.weight, std=0.02)

    def forward(self, grid: tuple[int, int], padding: Tensor | None) -> Tensor:
        """Resample to ``grid``.

        Args:
            grid: Height ``h`` and width ``w`` in tokens.
            padding: ``(B, h, w)`` bool, ``True`` for padding below or right of an
                image; ``None`` if nothing is padded.

        Returns:
            ``(1, D, h, w)``, or ``(B, D, h, w)`` with ``padding``.
        """
        if padding is not None:
            return self._per_image(grid, padding)
        return resize_positions(self.weight, grid)

    def _per_image(self, grid: tuple[int, int], padding: Tensor) -> Tensor:
        """Sample each image's own extent, for the whole batch at once."""
        inside = ~padding
        y = self._coordinates(grid[0], inside.any(2).sum(1))  # (B, h)
        x = self._coordinates(grid[1], inside.any(1).sum(1))  # (B, w)
        where = torch.stack(
            (
                x[:, None, :].expand(-1, grid[0], -1),
                y[:, :, None].expand(-1, -1, grid[1]),
            ),
            dim=-1,
        )
        return F.grid_sample(
            self.weight.expand(len(padding), -1, -1, -1),
            where.to(self.weight.dtype),
            mode='bicubic',
            padding_mode='border',
            align_corners=False,
        )

    @staticmethod
    def _coordinates(length: int, extent: Tensor) -> Tensor:
        """Token centres as ``grid_sample`` wants them: the extent maps to [-1, 1]."""
        centres = torch.arange(length, device=extent.device) + 0.5
        return 2 * centres / extent[:, None] - 1


def resize_positions(weight: Tensor, grid: tuple[int, int]) -> Tensor:
    """Resample a ``(1, D, gh, gw)`` position map to ``(1, D, *grid)``."""
    if weight.shape[-2:] == tuple(grid):
        return weight
    return F.interpolate(weight, size=grid, mode='bicubic', align_corners=False)
