"""Synthetic scenes with exact labels: the project's embedded default dataset.

Objects of ten classes lie on procedural textured backgrounds. A class is a shape and a
family of colours; the families of neighbouring classes overlap, and backgrounds use
the same colours, so that neither shape nor colour alone is enough. Scene ``k`` depends
on the options, the seed and ``k`` only. The paper has no such dataset: it is ours, for
demos, tests and first experiments without a download.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from wwt_mm.errors import ConfigError

from .shapes import CLASS_HUES, CLASSES, outline, rasterise
from .textures import Rng, background, hsv, pattern

# Shortest object, in pixels, that still shows its shape.
_MIN_PIXELS = 6
_PLACEMENTS_PER_OBJECT = 20
_LAYOUTS_PER_SCENE = 50

# Thresholds of the annotation guidelines of VOC2009 and later.
_TRUNCATED_SHARE = 0.15  # of the object lies outside its box
_OCCLUDED_SHARE = 0.05  # of the object inside its box is hidden
# Ours: VOC leaves 'difficult' to the annotator.
_DIFFICULT_SHARE = 0.5  # of the object is not in the picture, or hidden


@dataclasses.dataclass(frozen=True)
class SceneConfig:
    """What scenes look like.

    Args:
        height: Image height in pixels, at least 16.
        width: Image width in pixels, at least 16.
        min_objects: Fewest objects in an image, at least 1.
        max_objects: Most objects in an image. Objects that find no place within the
            limits below are dropped, but never below ``min_objects``.
        min_size: Smallest diameter of an object's circumscribed circle, as a share of
            the image's shorter side.
        max_size: Largest such diameter, at most 1.
        max_occlusion: Largest share of an object (of its part inside the image) that
            the objects in front of it may hide, in [0, 1).
        max_truncation: Largest share of an object beyond the image's border, in
            [0, 1).
        hue_jitter: Largest distance in degrees from the centre of a class's colour
            family. The centres are 36 degrees apart: above 18 families overlap.
        single_class: Give all labelled objects of a scene one class, ``index`` modulo
            the number of classes, so that the image as a whole has one label.
        distractors: With ``single_class``: most unlabelled, smaller objects of other
            classes, drawn behind the others.
        seed: Seed of the whole dataset, not negative.

    Raises:
        ConfigError: If an option is out of range.
    """

    height: int = 128
    width: int = 128
    min_objects: int = 1
    max_objects: int = 4
    min_size: float = 0.22
    max_size: float = 0.55
    max_occlusion: float = 0.4
    max_truncation: float = 0.25
    hue_jitter: float = 24.0
    single_class: bool = False
    distractors: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ('height', 16, 8192),
            ('width', 16, 8192),
            ('min_objects', 1, 254),
            ('max_objects', 1, 254),
            ('distractors', 0, 100),
            ('seed', 0, 2**63),
        ):
            _check_int(name, getattr(self, name), low, high)
        for name, low, high in (
            ('min_size', 0, 1),
            ('max_size', 0, 1),
            ('max_occlusion', 0, 0.95),
            ('max_truncation', 0, 0.95),
            ('hue_jitter', 0, 180),
        ):
            _check_float(name, getattr(self, name), low, high)
        for name in ('objects', 'size'):
            low, high = getattr(self, f'min_{name}'), getattr(self, f'max_{name}')
            if low > high:
                raise ConfigError(
                    f'min_{name}={low} is above max_{name}={high}: swap or equal them.'
                )
        if self.max_objects + self.distractors > 254:
            raise ConfigError(
                'max_objects and distractors together must not exceed 254, the '
                'instances that an 8-bit map can tell apart.'
            )
        if self.distractors and not self.single_class:
            raise ConfigError(
                f'distractors={self.distractors} needs single_class=True: in scenes '
                'of several classes every object is labelled.'
            )
        if self.min_size * min(self.height, self.width) < _MIN_PIXELS:
            raise ConfigError(
                f'min_size={self.min_size} makes objects of less than {_MIN_PIXELS} '
                f'pixels in a {self.height} x {self.width} image: use at least '
                f'{math.ceil(100 * _MIN_PIXELS / min(self.height, self.width)) / 100}.'
            )


class Scene(NamedTuple):
    """One image and everything that is true of it, for N objects, back to front.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        boxes: (N, 4) int32 x1, y1, x2, y2 in pixels, tight around the visible part,
            x2 and y2 exclusive.
        labels: (N,) int64 indices into ``CLASSES``.
        semantic: (H, W) uint8, 0 for background, else 1 + label.
        instances: (H, W) uint8, 0 for background, else 1 + index of the object.
        truncated: (N,) bool, more than 15% of the object lies outside its box.
        occluded: (N,) bool, more than 5% of the object inside its box is hidden.
        difficult: (N,) bool, less than half of the object is visible.
        image_label: Label of the image, with ``single_class``; else None.
    """

    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    semantic: np.ndarray
    instances: np.ndarray
    truncated: np.ndarray
    occluded: np.ndarray
    difficult: np.ndarray
    image_label: int | None


def render_scene(config: SceneConfig, index: int) -> Scene:
    """Draw scene ``index``.

    Args:
        config: What scenes look like.
        index: Which scene, not negative.

    Returns:
        Scene: The picture and its labels.

    Raises:
        ConfigError: If ``min_objects`` objects do not fit under the limits on
            occlusion and truncation.
    """
    _check_int('index', index, 0, 2**63)
    rng = np.random.default_rng((config.seed, index))
    canvas = background(rng, config.height, config.width)
    image_label = index % len(CLASSES) if config.single_class else None
    sprites, instances = arrange(rng, config, image_label, index)
    for sprite in sprites:
        _paint(rng, canvas, sprite, config.hue_jitter)
    labels = np.array([sprite.label for sprite in sprites], np.int64)
    semantic = np.concatenate([[0], labels + 1]).astype(np.uint8)[instances]
    image = _expose(rng, canvas)
    boxes, flags = measure(sprites, instances)
    return Scene(image, boxes, labels, semantic, instances, *flags, image_label)


class Sprite(NamedTuple):
    """An object in its place: the share of each pixel that it covers.

    ``coverage`` (h, w) uint8 spans the whole object, with the upper left pixel at
    ``left``, ``top``, both of which may lie outside the image.
    """

    label: int
    coverage: np.ndarray
    left: int
    top: int

    @property
    def mask(self) -> np.ndarray:
        """(h, w) bool: pixels of which at least half is covered."""
        return self.coverage >= 128

    def clip(self, height: int, width: int) -> tuple[tuple, tuple]:
        """Slices of the image, and of the sprite, where the two overlap."""
        top, left = max(self.top, 0), max(self.left, 0)
        bottom = max(min(self.top + self.coverage.shape[0], height), top)
        right = max(min(self.left + self.coverage.shape[1], width), left)
        of_image = (slice(top, bottom), slice(left, right))
        of_sprite = (
            slice(top - self.top, bottom - self.top),
            slice(left - self.left, right - self.left),
        )
        return of_image, of_sprite


def arrange(
    rng: Rng, config: SceneConfig, image_label: int | None, index: int
) -> tuple[list[Sprite], np.ndarray]:
    """Place a random number of objects; later ones lie in front.

    Returns:
        tuple: The sprites, back to front, and the (H, W) uint8 map of instances.
    """
    wanted = int(rng.integers(config.min_objects, config.max_objects + 1))
    largest = config.max_size
    for _ in range(_LAYOUTS_PER_SCENE):
        layout = _Layout(config)
        for _ in range(rng.integers(config.distractors + 1)):
            other = int(rng.integers(1, len(CLASSES))) + image_label
            low = max(config.min_size / 2, _MIN_PIXELS / layout.side)
            layout.add(rng, other % len(CLASSES), low, config.min_size)
        behind = len(layout.sprites)
        for _ in range(wanted):
            label = image_label
            if label is None:
                label = int(rng.integers(len(CLASSES)))
            layout.add(rng, label, config.min_size, largest)
        if len(layout.sprites) - behind >= config.min_objects:
            return layout.sprites, layout.instances
        # Crowded: try again with fewer large objects.
        largest += 0.2 * (config.min_size - largest)
    raise ConfigError(
        f'min_objects={config.min_objects} objects found no place in scene {index}: '
        'lower min_objects or min_size, or raise max_occlusion or max_truncation.'
    )


class _Layout:
    """Objects placed so far, and how much of each is still visible."""

    def __init__(self, config: SceneConfig) -> None:
        self.config = config
        self.side = min(config.height, config.width)
        self.sprites: list[Sprite] = []
        self.instances = np.zeros((config.height, config.width), np.uint8)
        # Pixels of each object: within the image, and thereof not hidden.
        self.inside = np.zeros(0, np.int64)
        self.visible = np.zeros(0, np.int64)

    def add(self, rng: Rng, label: int, min_size: float, max_size: float) -> None:
        """Place one object in front of the others, or drop it if it has no place."""
        diameter = rng.uniform(min_size, max_size) * self.side
        # Two pixels less than the image: fits untruncated at any sub-pixel offset.
        coverage = _draw_shape(rng, label, min(diameter, self.side - 2))
        for _ in range(_PLACEMENTS_PER_OBJECT):
            left = self._position(rng, self.config.width, coverage.shape[1])
            top = self._position(rng, self.config.height, coverage.shape[0])
            if self._place(Sprite(label, coverage, left, top)):
                return

    def _position(self, rng: Rng, room: int, extent: int) -> int:
        """First pixel along one axis, at most ``max_truncation`` beyond the border."""
        beyond = int(self.config.max_truncation * extent)
        low, high = -beyond, room - extent + beyond
        return int(rng.integers(min(low, high), max(low, high) + 1))

    def _place(self, sprite: Sprite) -> bool:
        config = self.config
        region, part = sprite.clip(config.height, config.width)
        mask = sprite.mask
        total, inside = int(mask.sum()), int(mask[part].sum())
        if inside < (1 - config.max_truncation) * total:
            return False
        covered = self.instances[region][mask[part]]
        hidden = np.bincount(covered, minlength=len(self.sprites) + 1)[1:]
        visible = self.visible - hidden
        if (visible < (1 - config.max_occlusion) * self.inside).any():
            return False
        self.sprites.append(sprite)
        self.inside = np.append(self.inside, inside)
        self.visible = np.append(visible, inside)
        self.instances[region][mask[part]] = len(self.sprites)
        return True


def _draw_shape(rng: Rng, label: int, diameter: float) -> np.ndarray:
    """Coverage (h, w) uint8 of a shape at a random angle, aspect and offset."""
    angle = rng.uniform(0, 2 * math.pi)
    sine, cosine = math.sin(angle), math.cos(angle)
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    squeeze = np.array([1.0, rng.uniform(0.75, 1.0)])
    offset = rng.random(2)
    contours = [
        points * squeeze @ rotation * (diameter / 2) + offset
        for points in outline(label)
    ]
    coverage, _ = rasterise(contours)
    # Only pixels with some of the object, so that the canvas is its extent.
    rows, columns = np.flatnonzero(coverage.any(1)), np.flatnonzero(coverage.any(0))
    return coverage[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _paint(rng: Rng, canvas: np.ndarray, sprite: Sprite, hue_jitter: float) -> None:
    """Blend one object into the canvas (H, W, 3) float32 RGB, in place."""
    region, part = sprite.clip(*canvas.shape[:2])
    alpha = (sprite.coverage[part].astype(np.float32) / 255)[..., None]
    below = canvas[region]
    behind = (below * alpha).sum((0, 1)) / max(float(alpha.sum()), 1e-6)
    light = _object_colour(rng, sprite.label, hue_jitter, behind)
    dark = light * np.float32(rng.uniform(0.45, 0.9))
    height, width = alpha.shape[:2]
    kinds = ('gradient', 'noise', 'stripes', 'cells')
    shade = pattern(rng, height, width, max(sprite.coverage.shape), kinds)[..., None]
    below += alpha * (light + shade * (dark - light) - below)


def _object_colour(
    rng: Rng, label: int, hue_jitter: float, behind: np.ndarray
) -> np.ndarray:
    """A colour (3,) of the class's family that can be told from what is behind."""
    best, best_contrast = None, -1.0
    for _ in range(4):
        hue = CLASS_HUES[label] + rng.uniform(-hue_jitter, hue_jitter) / 360
        colour = hsv(hue, rng.uniform(0.5, 1.0), rng.uniform(0.45, 1.0))
        contrast = float(np.linalg.norm(colour - behind))
        if contrast > best_contrast:
            best, best_contrast = colour, contrast
        if contrast > 0.3:
            break
    return best


def _expose(rng: Rng, canvas: np.ndarray) -> np.ndarray:
    """Uneven light and sensor noise; (H, W, 3) float32 to uint8."""
    height, width = canvas.shape[:2]
    light = pattern(rng, height, width, min(height, width), ('gradient',))
    low, high = rng.uniform(0.75, 1.1), rng.uniform(0.75, 1.1)
    noise = rng.standard_normal(canvas.shape, np.float32)
    noise *= rng.uniform(0, 0.03)
    noise += canvas * (low + light * (high - low))[..., None]
    noise *= 255
    return np.rint(noise.clip(0, 255, out=noise), out=noise).astype(np.uint8)


def measure(
    sprites: list[Sprite], instances: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) of what is visible, and flags (3, N) as in :class:`Scene`."""
    boxes = np.empty((len(sprites), 4), np.int32)
    flags = np.empty((3, len(sprites)), bool)
    for i, sprite in enumerate(sprites):
        region, part = sprite.clip(*instances.shape)
        visible = instances[region] == i + 1
        rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
        top, bottom = rows[0], rows[-1] + 1
        left, right = columns[0], columns[-1] + 1
        x, y = region[1].start, region[0].start
        boxes[i] = (x + left, y + top, x + right, y + bottom)
        total = int(sprite.mask.sum())
        in_box = int(sprite.mask[part][top:bottom, left:right].sum())
        seen = int(visible.sum())
        flags[0, i] = in_box < (1 - _TRUNCATED_SHARE) * total
        flags[1, i] = seen < (1 - _OCCLUDED_SHARE) * in_box
        flags[2, i] = seen < (1 - _DIFFICULT_SHARE) * total
    return boxes, flags


def _check_int(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f'{name}={value!r} must be a whole number.')
    if not low <= value <= high:
        raise ConfigError(f'{name}={value} must lie between {low} and {high}.')


def _check_float(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f'{name}={value!r} must be a number.')
    if not low <= value <= high:
        raise ConfigError(f'{name}={value} must lie between {low} and {high}.')
