"""Procedural textures: grey patterns in [0, 1] and the colours laid over them."""

import colorsys
import math
from collections.abc import Sequence

import cv2
import numpy as np

Rng = np.random.Generator


def pattern(
    rng: Rng, height: int, width: int, scale: float, kinds: Sequence[str]
) -> np.ndarray:
    """Draw one grey pattern of a kind chosen at random.

    Args:
        rng: Source of all randomness.
        height: Rows.
        width: Columns.
        scale: Length in pixels that the pattern's period is measured against, such
            as the image's shorter side.
        kinds: Names out of :data:`PATTERNS` to choose from.

    Returns:
        np.ndarray: (height, width) float32 in [0, 1].
    """
    kind = kinds[rng.integers(len(kinds))]
    return PATTERNS[kind](rng, height, width, scale)


def background(rng: Rng, height: int, width: int) -> np.ndarray:
    """Draw a coloured background: one texture, or two that meet along a rough edge.

    Returns:
        np.ndarray: (height, width, 3) float32 RGB in [0, 1].
    """
    canvas = _coloured_pattern(rng, height, width)
    if rng.random() < 0.4:
        other = _coloured_pattern(rng, height, width)
        edge = pattern(rng, height, width, min(height, width), ('gradient', 'noise'))
        share = np.clip((edge - rng.uniform(0.35, 0.65)) * 12 + 0.5, 0, 1)[..., None]
        canvas += share * (other - canvas)
    return canvas


def hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """Colour (3,) float32 RGB in [0, 1]; the hue is taken modulo 1."""
    rgb = colorsys.hsv_to_rgb(hue % 1.0, min(saturation, 1.0), min(value, 1.0))
    return np.array(rgb, np.float32)


def _coloured_pattern(rng: Rng, height: int, width: int) -> np.ndarray:
    """A pattern seen through three colours of any hue, an object's included."""
    values = pattern(rng, height, width, min(height, width), tuple(PATTERNS))
    hue = rng.random()
    colours = [
        hsv(hue + rng.normal(0, 0.12), rng.uniform(0.1, 0.9), rng.uniform(0.15, 0.95))
        for _ in range(3)
    ]
    steps = np.linspace(0, 1, 256)
    table = [np.interp(steps, (0, 0.5, 1), band) for band in np.transpose(colours)]
    table = np.stack(table, 1).astype(np.float32)
    return table[(values * 255).astype(np.uint8)]


def _rotated_axes(rng: Rng, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in pixels along two perpendicular axes at a random angle."""
    angle = rng.uniform(0, 2 * math.pi)
    x = np.arange(width, dtype=np.float32)[None]
    y = np.arange(height, dtype=np.float32)[:, None]
    sine, cosine = np.float32(math.sin(angle)), np.float32(math.cos(angle))
    return x * cosine + y * sine, y * cosine - x * sine


def _stretch(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return (values - low) / max(high - low, 1e-6)


def _sharpen(wave: np.ndarray, contrast: float) -> np.ndarray:
    """Turn a wave in [-1, 1] into [0, 1]; more contrast, harder edges."""
    return np.clip(0.5 + 0.5 * contrast * wave, 0, 1)


def _gradient(rng: Rng, height: int, width: int, scale: float) -> np.ndarray:
    u, v = _rotated_axes(rng, height, width)
    if rng.random() < 0.5:
        return _stretch(u)
    centre_u = rng.choice(u.ravel())
    centre_v = rng.choice(v.ravel())
    return _stretch(np.hypot(u - centre_u, v - centre_v))


def _noise(rng: Rng, height: int, width: int, scale: float) -> np.ndarray:
    """Octaves of smoothly interpolated white noise, each half the last one's size."""
    period = scale * rng.uniform(0.15, 0.6)
    persistence = rng.uniform(0.4, 0.75)
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for _ in range(4):
        rows = math.ceil(height / period) + 1
        columns = math.ceil(width / period) + 1
        grid = rng.random((rows, columns), np.float32)
        smooth = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        total += weight * smooth
        weight *= persistence
        period = max(period / 2, 1.0)
    return _stretch(total)


def _stripes(rng: Rng, height: int, width: int, scale: float) -> np.ndarray:
    u, v = _rotated_axes(rng, height, width)
    period = scale * rng.uniform(0.06, 0.3)
    bend = rng.uniform(0, 2) * np.sin(v * np.float32(2 * math.pi / scale))
    phase = rng.uniform(0, 2 * math.pi)
    wave = np.sin(u * np.float32(2 * math.pi / period) + bend + phase)
    return _sharpen(wave, rng.uniform(0.6, 5))


def _checker(rng: Rng, height: int, width: int, scale: float) -> np.ndarray:
    u, v = _rotated_axes(rng, height, width)
    frequency = np.float32(math.pi / (scale * rng.uniform(0.08, 0.25)))
    shift_u, shift_v = rng.uniform(0, 2 * math.pi, 2).tolist()
    wave = np.sin(u * frequency + shift_u) * np.sin(v * frequency + shift_v)
    return _sharpen(wave, rng.uniform(2, 12))


def _dots(rng: Rng, height: int, width: int, scale: float) -> np.ndarray:
    u, v = _rotated_axes(rng, height, width)
    frequency = np.float32(2 * math.pi / (scale * rng.uniform(0.1, 0.3)))
    shift_u, shift_v = rng.uniform(0, 2 * math.pi, 2).tolist()
    wave = np.cos(u * frequency + shift_u) + np.cos(v * frequency + shift_v)
    return _sharpen(wave - rng.uniform(0.2, 1.0), rng.uniform(2, 8))


def _cells(rng: Rng, height: int, width: int, scale: float) -> np.ndarray:
    """A patchwork: every pixel has the grey of the nearest of some random points."""
    spacing = scale * rng.uniform(0.12, 0.35)
    count = max(2, round(height * width / spacing**2))
    seeds = np.ones((height, width), np.uint8)
    seeds[rng.integers(height, size=count), rng.integers(width, size=count)] = 0
    _, nearest = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return rng.random(int(nearest.max()) + 1, np.float32)[nearest]


#: Kinds of pattern by name.
PATTERNS = {
    'gradient': _gradient,
    'noise': _noise,
    'stripes': _stripes,
    'checker': _checker,
    'dots': _dots,
    'cells': _cells,
}
