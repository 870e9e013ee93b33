"""Outlines of the ten object classes of the scenes, and their colour families."""

import math
from collections.abc import Callable

import cv2
import numpy as np

#: Class names in alphabetical order, so that the index of a class is the same
#: whether it comes from a list in a config or from sorted folder names.
CLASSES = (
    'arrow',
    'circle',
    'crescent',
    'cross',
    'heart',
    'hexagon',
    'ring',
    'square',
    'star',
    'triangle',
)

#: Centre of each class's colour family, as a hue in [0, 1): evenly spaced.
CLASS_HUES = tuple(i / len(CLASSES) for i in range(len(CLASSES)))

# Each pixel is covered by SUPERSAMPLING**2 points; polygon corners are given to
# cv2 in 1 / 2**SHIFT of such a point.
_SUPERSAMPLING = 4
_SHIFT = 4

Contours = list[np.ndarray]


def outline(label: int) -> Contours:
    """Closed contours of a class, filled by the even-odd rule.

    Args:
        label: Index into :data:`CLASSES`.

    Returns:
        list[np.ndarray]: Contours, each (P, 2) float64 x, y, inside the unit circle.
    """
    return [points.copy() for points in _OUTLINES[CLASSES[label]]]


def rasterise(contours: Contours) -> tuple[np.ndarray, tuple[int, int]]:
    """Draw filled contours with antialiased edges on a canvas that just holds them.

    Args:
        contours: Each (P, 2) float x, y in pixels; pixel (i, j) covers
            [i, i + 1) x [j, j + 1).

    Returns:
        tuple: The covered share of each pixel, (h, w) uint8 with 255 for all of it,
        and the x, y of the canvas's upper left pixel.
    """
    points = np.concatenate(contours)
    left, top = np.floor(points.min(0)).astype(int) - 1
    right, bottom = np.ceil(points.max(0)).astype(int) + 1
    size = ((bottom - top) * _SUPERSAMPLING, (right - left) * _SUPERSAMPLING)
    canvas = np.zeros(size, np.uint8)
    # cv2 puts integer coordinates at the centres of pixels, hence the half.
    fixed = [
        np.rint(((c - (left, top)) * _SUPERSAMPLING - 0.5) * 2**_SHIFT).astype(np.int32)
        for c in contours
    ]
    cv2.fillPoly(canvas, fixed, 255, shift=_SHIFT)
    coverage = cv2.resize(
        canvas, (right - left, bottom - top), interpolation=cv2.INTER_AREA
    )
    return coverage, (int(left), int(top))


def _polar(angles: np.ndarray, radii: np.ndarray | float = 1.0) -> np.ndarray:
    return np.stack([np.cos(angles), np.sin(angles)], 1) * np.reshape(radii, (-1, 1))


def _regular(corners: int, radius: float = 1.0) -> np.ndarray:
    angles = np.arange(corners) * (2 * math.pi / corners) - math.pi / 2
    return _polar(angles, radius)


def _arrow() -> Contours:
    half = np.array([[-0.95, 0.25], [0.1, 0.25], [0.1, 0.75], [1.0, 0.0]])
    return [np.concatenate([half, (half * (1, -1))[-2::-1]])]


def _crescent(shift: float = 0.45, radius: float = 0.8) -> Contours:
    """The unit disc without a disc of this radius, shifted to the right."""
    x = (1 + shift**2 - radius**2) / (2 * shift)  # where the two circles cross
    outer = math.acos(x)
    inner = math.atan2(math.sin(outer), x - shift)
    bulge = _polar(np.linspace(outer, 2 * math.pi - outer, 40))
    hollow = _polar(np.linspace(2 * math.pi - inner, inner, 32)[1:-1], radius)
    return [np.concatenate([bulge, hollow + (shift, 0)])]


def _cross(reach: float = 0.94, half_width: float = 0.31) -> Contours:
    arm = np.array(
        [[half_width, half_width], [half_width, reach], [-half_width, reach]]
    )
    turns = []
    for _ in range(4):
        turns.append(arm)
        arm = arm @ np.array([[0, 1], [-1, 0]])
    return [np.concatenate(turns)]


def _heart() -> Contours:
    t = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    points = np.stack([x, y - (y.max() + y.min()) / 2], 1)
    return [points / np.linalg.norm(points, axis=1).max()]


def _star() -> Contours:
    angles = np.arange(10) * (math.pi / 5) - math.pi / 2
    return [_polar(angles, np.tile([1.0, 0.42], 5))]


_SHAPES: dict[str, Callable[[], Contours]] = {
    'arrow': _arrow,
    'circle': lambda: [_regular(48)],
    'crescent': _crescent,
    'cross': _cross,
    'heart': _heart,
    'hexagon': lambda: [_regular(6)],
    'ring': lambda: [_regular(48), _regular(48, 0.55)],
    'square': lambda: [_regular(4)],
    'star': _star,
    'triangle': lambda: [_regular(3)],
}
_OUTLINES = {name: shape() for name, shape in _SHAPES.items()}
