"""Learned position embeddings for any grid of tokens, padded or not."""

import torch
from torch import Tensor, nn

from .initial_weights import draw_weights

_A = -0.75  # the cubic kernel's parameter, as in torch's and OpenCV's resizing


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
        draw_weights(self.weight)

    def forward(self, grid: tuple[int, int], padding: Tensor | None) -> Tensor:
        """Resample to ``grid``.

        Args:
            grid: Height ``h`` and width ``w`` in tokens.
            padding: ``(B, h, w)`` bool, ``True`` for padding below or right of an
                image; ``None`` if nothing is padded.

        Returns:
            ``(1, D, h, w)``, or ``(B, D, h, w)`` with ``padding``.
        """
        if padding is None:
            return resize_positions(self.weight, grid)
        inside = ~padding
        extents = inside.any(2).sum(1), inside.any(1).sum(1)  # (B,), (B,)
        return _resample(self.weight, grid, *extents)


def resize_positions(weight: Tensor, grid: tuple[int, int]) -> Tensor:
    """Resample a ``(1, D, gh, gw)`` position map to ``(1, D, *grid)``."""
    if weight.shape[-2:] == tuple(grid):
        return weight
    extents = (torch.full((1,), length, device=weight.device) for length in grid)
    return _resample(weight, grid, *extents)


def _resample(
    weight: Tensor, grid: tuple[int, int], heights: Tensor, widths: Tensor
) -> Tensor:
    """Stretch ``(1, D, gh, gw)`` over images of ``heights`` by ``widths`` ``(B,)``.

    Two matrix products: torch's own resampling has no deterministic gradient on GPUs.
    """
    rows = _bicubic_matrix(grid[0], heights, weight.shape[2], weight.dtype)
    columns = _bicubic_matrix(grid[1], widths, weight.shape[3], weight.dtype)
    with torch.autocast(weight.device.type, enabled=False):
        wide = torch.einsum('dij,bwj->bdiw', weight[0], columns)
        return torch.einsum('bhi,bdiw->bdhw', rows, wide)


def _bicubic_matrix(
    length: int, extents: Tensor, source: int, dtype: torch.dtype
) -> Tensor:
    """What each of ``length`` positions takes of each of ``source`` values.

    As ``F.interpolate(mode='bicubic', align_corners=False)``: values beyond the border
    are those of the border.

    Args:
        length: Positions, of which each image fills the first ``extents``.
        extents: ``(B,)``.
        source: Values that are stretched over an image.
        dtype: Of the result.

    Returns:
        ``(B, length, source)``; rows sum to one.
    """
    # Centres in units of half a position, as integers: no rounding before the floor.
    extents = extents.unsqueeze(1)
    centres = torch.arange(1, 2 * length, 2, device=extents.device) * source - extents
    offsets = torch.arange(-1, 3, device=extents.device)
    taps = (centres // (2 * extents)).unsqueeze(2) + offsets  # (B, length, 4)
    exact = torch.promote_types(dtype, torch.float32)
    beyond = (centres % (2 * extents)).to(exact) / (2 * extents)
    d = (beyond.unsqueeze(2) - offsets).abs()
    near = ((_A + 2) * d - (_A + 3)) * d.square() + 1
    far = (((d - 5) * d + 8) * d - 4) * _A
    taken = torch.where(d <= 1, near, far).unsqueeze(3)
    values = torch.arange(source, device=extents.device)
    chosen = taps.clamp(0, source - 1).unsqueeze(3) == values
    return (taken * chosen).sum(2).to(dtype)
