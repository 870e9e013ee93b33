"""A grid of pictures: what was discovered in each image, beside what is there."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

_TRUTH, _CHOSEN, _CANDIDATE = '#2ca02c', '#d62728', '#1f77b4'
_SHADE = 0.25  # brightness of what does not belong to a region
_INCHES = 1.9  # side of a picture


class Discovery(NamedTuple):
    """One image, what was found in it and what is there.

    Attributes:
        image: ``(H, W, 3)`` uint8 RGB.
        boxes: ``(R, 4)`` x1, y1, x2, y2 in pixels, by falling score.
        scores: ``(R,)``.
        sources: ``(R,)`` slot or head of each region.
        masks: ``(R, H, W)`` bool.
        truth: ``(G, 4)`` boxes of ground truth.
    """

    image: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    sources: np.ndarray
    masks: np.ndarray
    truth: np.ndarray


def draw_discoveries(
    discoveries: Sequence[Discovery], regions: int = 4, source_name: str = 'slot'
) -> np.ndarray:
    """Draw one row per image.

    The columns are the image with the ground truth (green), with the chosen box (red)
    among the candidates (blue), and the best regions, the rest of the image darkened.

    Args:
        discoveries: At least one.
        regions: How many regions to show.
        source_name: What a region is a part of, for the titles.

    Returns:
        ``(height, width, 3)`` uint8 RGB.
    """
    columns = 2 + regions
    rows = len(discoveries)
    figure = Figure(figsize=(columns * _INCHES, rows * _INCHES), layout='constrained')
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for row, discovery in zip(axes, discoveries, strict=True):
        for axis in row:
            axis.axis('off')
        _draw_image(row[0], discovery.image, 'ground truth')
        _draw_boxes(row[0], discovery.truth, _TRUTH)
        _draw_image(row[1], discovery.image, f'{len(discovery.boxes)} candidates')
        _draw_boxes(row[1], discovery.boxes[1:], _CANDIDATE, width=0.8)
        _draw_boxes(row[1], discovery.boxes[:1], _CHOSEN)
        found = zip(discovery.masks, discovery.sources, discovery.scores, strict=True)
        for axis, (mask, source, score) in zip(row[2:], found, strict=False):
            shade = np.where(mask, 1, _SHADE)[..., None]
            shaded = (discovery.image * shade).astype(np.uint8)
            _draw_image(axis, shaded, f'{source_name} {source}: {score:.2g}')
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_image(axis, image: np.ndarray, title: str) -> None:
    axis.imshow(image)
    axis.set_title(title, fontsize=7)


def _draw_boxes(axis, boxes: np.ndarray, colour: str, width: float = 1.8) -> None:
    for x1, y1, x2, y2 in boxes:
        # Pixel centres have whole coordinates in imshow, pixel corners in boxes.
        corner = (x1 - 0.5, y1 - 0.5)
        axis.add_patch(
            Rectangle(corner, x2 - x1, y2 - y1, fill=False, ec=colour, lw=width)
        )
