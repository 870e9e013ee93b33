"""One picture of one image: its slots, the evidence for a class, and each mask.

Drawn with Pillow, not matplotlib, whose figures take ten times as long: folders of many
thousand images want one each.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from matplotlib import colormaps, font_manager
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .slot_pictures import normalise_masks, slot_colors, token_weights

if TYPE_CHECKING:
    from ..inference.slot_reader import SlotReading

_PAPER, _INK = (255, 255, 255), (32, 33, 36)
_GAP, _MARGIN = 10, 14
_PANEL = 240  # height of the pictures above, in pixels
_THUMBNAIL = 104  # longer side of a slot's picture
_DARK = 0.15  # brightness of what a mask leaves out


def draw_slot_sheet(
    reading: 'SlotReading', class_names: Sequence[str] = (), max_slots: int = 24
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
    width = sum(picture.width for picture, *_ in panels) + _GAP * (len(panels) - 1)
    cell = max(picture.width for picture, *_ in thumbnails) + _GAP
    per_row = max(width // cell, min(len(thumbnails), 6))
    rows = [
        thumbnails[start : start + per_row]
        for start in range(0, len(thumbnails), per_row)
    ]
    height = _MARGIN + _row_height(panels)
    height += sum(_row_height(row) for row in rows) + _MARGIN - _GAP
    width = max(width, per_row * cell - _GAP) + 2 * _MARGIN
    sheet = Image.new('RGB', (width, height), _PAPER)
    top = _MARGIN
    for row in (panels, *rows):
        left = _MARGIN
        for picture, title, color in row:
            _paste(sheet, picture, title, color, (left, top))
            left += (cell - _GAP if row is not panels else picture.width) + _GAP
        top += _row_height(row)
    return np.asarray(sheet)


def spotlight(image: np.ndarray, mask: Tensor) -> np.ndarray:
    """Darken an image where a mask is low.

    Args:
        image: ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` in [0, 1].

    Returns:
        ``(H, W, 3)`` uint8.
    """
    light = _DARK + (1 - _DARK) * mask.clamp(0, 1).unsqueeze(-1).cpu().numpy()
    return (image * light).round().astype(np.uint8)


def blend_slots(
    image: np.ndarray, owners: Tensor, strength: float = 0.55
) -> np.ndarray:
    """Tint each pixel with the colour of its slot, and draw the borders.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        owners: ``(H, W)`` int64 slot of each pixel.
        strength: Opacity of the colours.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    owners = owners.cpu().numpy()
    paint = 255 * slot_colors(int(owners.max()) + 1)[owners]
    blended = image * (1 - strength) + paint * strength
    border = np.zeros(owners.shape, bool)
    border[1:] |= owners[1:] != owners[:-1]
    border[:, 1:] |= owners[:, 1:] != owners[:, :-1]
    blended[border] = 255
    return blended.round().astype(np.uint8)


def heat_map(
    image: np.ndarray, activation: Tensor, strength: float = 0.8
) -> np.ndarray:
    """Lay an activation map over an image, which is shown in grey.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        activation: ``(H, W)``, stretched to its own range.
        strength: Opacity of the colours where the map is highest.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    heat = normalise_masks(activation).cpu().numpy()
    grey = image.mean(-1, keepdims=True)
    paint = 255 * colormaps['inferno'](heat)[..., :3]
    opacity = strength * np.sqrt(heat)[..., None]
    return (grey * (1 - opacity) + paint * opacity).round().astype(np.uint8)


def name_class(class_names: Sequence[str], index: int) -> str:
    """The name of a class, or its number."""
    return class_names[index] if index < len(class_names) else f'class {index}'


def _panels(reading: 'SlotReading', class_names: Sequence[str]) -> list[tuple]:
    """Pictures of the upper row, with their titles and no colour."""
    image = _fit(reading.image, _PANEL)
    size = image.shape[:2]
    masks = reading.to_pixels(reading.masks, size)
    panels = [(image, 'image'), (blend_slots(image, masks.argmax(0)), 'slots')]
    if reading.probabilities is not None:
        value, index = reading.probabilities.max(0)
        evidence = reading.class_activation(int(index))
        name = name_class(class_names, int(index))
        panels.append(
            (
                heat_map(image, reading.to_pixels(evidence[None], size)[0]),
                f'evidence for {name}, {value:.2f}',
            )
        )
    if reading.reconstruction is not None:
        panels.append((_fit(reading.reconstruction, _PANEL), 'reconstruction'))
    return [(Image.fromarray(picture), title, None) for picture, title in panels]


def _thumbnails(
    reading: 'SlotReading', class_names: Sequence[str], max_slots: int
) -> list[tuple]:
    """Pictures of single slots, with their titles and colours."""
    height, width = reading.image.shape[:2]
    image = _fit(reading.image, round(_THUMBNAIL * height / max(height, width)))
    shares = reading.shares()
    slots = shares.argsort(descending=True, stable=True)[:max_slots]
    masks = reading.to_pixels(token_weights(reading.masks[slots]), image.shape[:2])
    colors = slot_colors(len(shares))
    thumbnails = []
    for slot, mask in zip(slots.tolist(), masks, strict=True):
        title = f'{slot}'
        if reading.slot_probabilities is not None:
            value, index = reading.slot_probabilities[slot].max(0)
            title += f'  {name_class(class_names, int(index))} {value:.2f}'
        color = tuple(int(255 * channel) for channel in colors[slot])
        thumbnails.append((Image.fromarray(spotlight(image, mask)), title, color))
    return thumbnails


def _fit(image: np.ndarray, height: int) -> np.ndarray:
    """Scale to a height; small images stay sharp, large ones are averaged."""
    height = max(height, 1)
    width = max(round(image.shape[1] * height / image.shape[0]), 1)
    grows = height > image.shape[0]
    method = cv2.INTER_CUBIC if grows else cv2.INTER_AREA
    return cv2.resize(image, (width, height), interpolation=method)


def _row_height(row: Sequence[tuple]) -> int:
    return max(picture.height for picture, *_ in row) + _font(13).size + 6 + _GAP


def _paste(sheet, picture, title, color, corner) -> None:
    left, top = corner
    draw = ImageDraw.Draw(sheet)
    sheet.paste(picture, corner)
    top += picture.height + 3
    if color is not None:
        draw.rectangle([left, top, left + picture.width - 1, top + 2], fill=color)
        top += 2
    font = _font(13 if color is None else 11)
    room = picture.width
    while title and draw.textlength(title, font=font) > room:
        title = title.removesuffix('…')[:-1] + '…' if len(title) > 2 else ''
    draw.text((left, top + 1), title, fill=_INK, font=font)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """The font that matplotlib ships."""
    return ImageFont.truetype(font_manager.findfont('DejaVu Sans'), size)
