"""Boxes that look at no pixel: what every discovery has to be compared with."""

import numpy as np
from mmdet.registry import TASK_UTILS
from torch import Tensor, nn

from ...errors import ConfigError
from ..features import grid_of
from ..regions import Regions
from .base import DiscoveryMethod


@TASK_UTILS.register_module()
class CentreBox(DiscoveryMethod):
    """One box in the middle of the image.

    Args:
        side: Its sides as a share of the image's, rounded to whole patches; 1 is a box
            of the whole image.

    Raises:
        ConfigError: If ``side`` is no such share.
    """

    def __init__(self, side: float = 1.0) -> None:
        if not 0 < side <= 1:
            raise ConfigError(f'side={side} must be above 0 and at most 1')
        self.side = side

    def __call__(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None = None
    ) -> list[Regions]:
        """Find objects; see :meth:`DiscoveryMethod.__call__`."""
        return [
            _regions_of_boxes(np.array([self._box(*grid)]), grid)
            for grid in _grids(backbone, images, padding_mask)
        ]

    def _box(self, *grid: int) -> list[int]:
        sizes = [max(round(self.side * cells), 1) for cells in grid]
        y1, x1 = ((cells - size) // 2 for cells, size in zip(grid, sizes, strict=True))
        return [x1, y1, x1 + sizes[1], y1 + sizes[0]]


@TASK_UTILS.register_module()
class RandomBoxes(DiscoveryMethod):
    """As many boxes as another method finds in an image, drawn at random.

    Metrics that accept any box (``corloc_any``, recall) rise with their number; this is
    how much of it is luck. The two sides of a box are two different lines of the grid
    of patches, each pair as likely as the others.

    Args:
        method: Config of the other method.
        seed: Of the random numbers.
    """

    def __init__(self, method: dict, seed: int = 0) -> None:
        self.method = TASK_UTILS.build(method)
        self.generator = np.random.default_rng(seed)

    def __call__(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None = None
    ) -> list[Regions]:
        """Find objects; see :meth:`DiscoveryMethod.__call__`."""
        found = self.method(backbone, images, padding_mask)
        grids = _grids(backbone, images, padding_mask)
        return [
            _regions_of_boxes(self._draw(len(regions.scores), *grid), grid)
            for regions, grid in zip(found, grids, strict=True)
        ]

    def _draw(self, count: int, height: int, width: int) -> np.ndarray:
        y1, y2 = self._draw_lines(count, height)
        x1, x2 = self._draw_lines(count, width)
        return np.stack([x1, y1, x2, y2], 1)

    def _draw_lines(self, count: int, cells: int) -> np.ndarray:
        """Two different of ``cells + 1`` lines, the smaller first, ``(2, count)``."""
        first = self.generator.integers(0, cells + 1, count)
        second = self.generator.integers(0, cells, count)
        second += second >= first
        return np.sort([first, second], 0)


def _grids(
    backbone: nn.Module, images: Tensor, padding_mask: Tensor | None
) -> list[tuple[int, int]]:
    """Rows and columns of patches of each image, without those that are padding."""
    if padding_mask is None:
        return [grid_of(backbone, images)] * len(images)
    # Padding lies below and to the right.
    rows, columns = (~padding_mask).any(2).sum(1), (~padding_mask).any(1).sum(1)
    return [
        grid_of(backbone, image[None, :, :height, :width])
        for image, height, width in zip(
            images, rows.tolist(), columns.tolist(), strict=True
        )
    ]


def _regions_of_boxes(boxes: np.ndarray, grid: tuple[int, int]) -> Regions:
    """Regions that fill boxes ``(R, 4)`` of patches, all of score 1."""
    rows, columns = (np.arange(cells) for cells in grid)
    x1, y1, x2, y2 = boxes.T[..., None]
    inside_rows = (y1 <= rows) & (rows < y2)
    inside_columns = (x1 <= columns) & (columns < x2)
    return Regions.of_masks(inside_rows[:, :, None] & inside_columns[:, None])
