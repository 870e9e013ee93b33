"""One picture of one image: its slots, the evidence for a class, and each mask.

Drawn with Pillow, not matplotlib, whose figures take ten times as long: folders of many
thousand images want one each.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from matplotlib import colormaps, font_manager
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..structures import SlotReading
from .slot_pictures import normalise_masks, slot_colors, token_weights

_PAPER, _INK = (255, 255, 255), (32, 33, 36)
_GAP, _MARGIN = 10, 14
_PANEL = (480, 240)  # box that each picture above fits into, in pixels
_PANEL_TITLE = 150  # room for their titles
_THUMBNAIL = 104  # longer side of a slot's picture
_DARK = 0.15  # brightness of what a mask leaves out


def draw_slot_sheet(
    reading: SlotReading, class_names: Sequence[str] = (), max_slots: int = 24
) -> np.ndarray:
    """Draw what a model sees in an image.

    Above: the image; the slot with the highest mask at each pixel; where the evidence
    for the image's class lies (eq. 8), if it has one; the reconstruction, if there is
    one. Below: the masks of single slots, those with the largest share of the image
    first, each with its class.

    Args:
        reading: The image, its slots and masks.
        class_names: Names of the classes; numbers where there are none.
        max_slots: How many slots to show.

    Returns:
        ``(height, width, 3)`` uint8 RGB.
    """
    panels = _panels(reading, class_names)
    thumbnails = _thumbnails(reading, class_names, max_slots)
    width = max(_row_width(panels), _row_width(thumbnails[:6]))
    per_row = (width + _GAP) // (thumbnails[0].width + _GAP)
    rows = [
        thumbnails[start : start + per_row]
        for start in range(0, len(thumbnails), per_row)
    ]
    heights = [max(tile.height for tile in row) for row in (panels, *rows)]
    height = sum(heights) + _GAP * len(rows)
    size = (width + 2 * _MARGIN, height + 2 * _MARGIN)
    sheet = Image.new('RGB', size, _PAPER)
    top = _MARGIN
    for row, row_height in zip((panels, *rows), heights, strict=True):
        left = _MARGIN
        for tile in row:
            tile.paste(sheet, left, top)
            left += tile.width + _GAP
        top += row_height + _GAP
    return np.asarray(sheet)


def spotlight(image: np.ndarray, mask: Tensor) -> np.ndarray:
    """Darken an image ``(H, W, 3)`` uint8 where a mask ``(H, W)`` in [0, 1] is low."""
    light = _DARK + (1 - _DARK) * mask.clamp(0, 1).unsqueeze(-1).cpu().numpy()
    return (image * light).round().astype(np.uint8)


def blend_slots(image: np.ndarray, owners: Tensor) -> np.ndarray:
    """Tint each pixel with the colour of its slot, and draw the borders.

    The image is ``(H, W, 3)`` uint8 RGB, owners ``(H, W)`` int64.
    """
    owners = owners.cpu().numpy()
    paint = 255 * slot_colors(int(owners.max()) + 1)[owners]
    blended = image * 0.45 + paint * 0.55
    border = np.zeros(owners.shape, bool)
    border[1:] |= owners[1:] != owners[:-1]
    border[:, 1:] |= owners[:, 1:] != owners[:, :-1]
    blended[border] = 255
    return blended.round().astype(np.uint8)


def heat_map(image: np.ndarray, activation: Tensor) -> np.ndarray:
    """Lay an activation map ``(H, W)``, stretched to its own range, over an image.

    That, ``(H, W, 3)`` uint8 RGB, is shown in grey.
    """
    heat = normalise_masks(activation).cpu().numpy()
    grey = image.mean(-1, keepdims=True)
    paint = 255 * colormaps['inferno'](heat)[..., :3]
    opacity = 0.8 * np.sqrt(heat)[..., None]
    return (grey * (1 - opacity) + paint * opacity).round().astype(np.uint8)


def name_class(class_names: Sequence[str], index: int) -> str:
    """The name of a class, or its number."""
    return class_names[index] if index < len(class_names) else f'class {index}'


class _Tile(NamedTuple):
    """A picture with a title below and, for a slot, a line in its colour."""

    picture: np.ndarray
    title: str
    min_width: int
    color: tuple[int, int, int] | None = None

    @property
    def font(self) -> ImageFont.FreeTypeFont:
        return _font(13 if self.color is None else 11)

    @property
    def width(self) -> int:
        return max(self.picture.shape[1], self.min_width)

    @property
    def height(self) -> int:
        return self.picture.shape[0] + self.font.size + 8

    def paste(self, sheet: Image.Image, left: int, top: int) -> None:
        draw = ImageDraw.Draw(sheet)
        sheet.paste(Image.fromarray(self.picture), (left, top))
        top += self.picture.shape[0] + 3
        if self.color is not None:
            right = left + self.picture.shape[1] - 1
            draw.rectangle([left, top, right, top + 2], fill=self.color)
            top += 2
        title = self.title
        while draw.textlength(title, font=self.font) > self.width:
            title = title.removesuffix('…')[:-1] + '…'
        draw.text((left, top + 1), title, fill=_INK, font=self.font)


def _row_width(row: Sequence[_Tile]) -> int:
    return sum(tile.width for tile in row) + _GAP * (len(row) - 1)


def _panels(reading: SlotReading, class_names: Sequence[str]) -> list[_Tile]:
    """The upper row."""
    image = _fit(reading.image, _PANEL)
    size = image.shape[:2]
    owners = reading.to_pixels(reading.masks, size).argmax(0)
    pictures = [(image, 'image'), (blend_slots(image, owners), 'slots')]
    if reading.probabilities is not None:
        value, index = reading.probabilities.max(0)
        evidence = reading.class_activation(int(index))[None]
        heat = heat_map(image, reading.to_pixels(evidence, size)[0])
        name = name_class(class_names, int(index))
        pictures.append((heat, f'evidence for {name}, {value:.2f}'))
    if reading.reconstruction is not None:
        rebuilt = cv2.resize(reading.reconstruction, size[::-1])
        pictures.append((rebuilt, 'reconstruction'))
    return [_Tile(picture, title, _PANEL_TITLE) for picture, title in pictures]


def _thumbnails(
    reading: SlotReading, class_names: Sequence[str], max_slots: int
) -> list[_Tile]:
    """Single slots."""
    image = _fit(reading.image, (_THUMBNAIL, _THUMBNAIL))
    shares = reading.shares()
    slots = shares.argsort(descending=True, stable=True)[:max_slots]
    masks = reading.to_pixels(token_weights(reading.masks[slots]), image.shape[:2])
    colors = (255 * slot_colors(len(shares))).astype(int)
    tiles = []
    for slot, mask in zip(slots.tolist(), masks, strict=True):
        title = f'{slot}'
        if reading.slot_probabilities is not None:
            value, index = reading.slot_probabilities[slot].max(0)
            title += f'  {name_class(class_names, int(index))} {value:.2f}'
        picture = spotlight(image, mask)
        tiles.append(_Tile(picture, title, _THUMBNAIL, tuple(colors[slot].tolist())))
    return tiles


def _fit(image: np.ndarray, box: tuple[int, int]) -> np.ndarray:
    """Scale into a box of some width and height; large images are averaged."""
    height, width = image.shape[:2]
    scale = min(box[0] / width, box[1] / height)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return cv2.resize(image, size, interpolation=method)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """The font that matplotlib ships."""
    return ImageFont.truetype(font_manager.findfont('DejaVu Sans'), size)
