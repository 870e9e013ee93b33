"""A web page to look at slots with: one file that needs nothing else.

Everything is inside the page: pictures as data URIs, style and script. Names are
escaped wherever they stand.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, PackageLoader
from matplotlib.colors import to_hex
from PIL import Image
from torch import Tensor

from ..structures import SlotReading
from .slot_pictures import normalise_masks, slot_colors, token_weights
from .slot_sheet import name_class

_TEMPLATE = 'slot_gallery.html.jinja'
_LONGEST_SIDE = 512  # of a picture in the page, in pixels
_BEST = 3  # how many classes of the image are shown


@dataclass(frozen=True)
class GalleryImage:
    """What the page shows of one image.

    Attributes:
        name: Such as the file's.
        picture: Data URI.
        size: Width and height in pixels.
        mask_size: Width and height of the masks over those of the image, in percent.
        grid: Columns and rows of patches.
        owners: Number of the slot with the highest mask of each patch, row by row.
        slots: Maps to light the image with, of the slots with the largest share first:
            ``mask``, the data URI of a picture whose opacity is the map, one pixel per
            patch; ``label``, ``value`` (may be empty) and the whole as ``text``;
            ``color``; ``number``; ``is_minor`` if the slot has no patch.
        classes: The same of the best classes of the image, if the model tells any.
    """

    name: str
    picture: str
    size: tuple[int, int]
    mask_size: tuple[float, float]
    grid: tuple[int, int]
    owners: list[int]
    slots: list[dict]
    classes: list[dict]

    @classmethod
    def of(
        cls, name: str, reading: SlotReading, class_names: Sequence[str] = ()
    ) -> 'GalleryImage':
        """Prepares an image for the page.

        Args:
            name: What to call it.
            reading: The image, its slots and masks.
            class_names: Names of the classes; numbers where there are none.
        """
        picture = Image.fromarray(reading.image)
        picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
        _, rows, columns = reading.masks.shape
        return cls(
            name=name,
            picture=_to_uri(picture, 'jpeg', quality=90),
            size=picture.size,
            mask_size=tuple(round(100 / share, 4) for share in reading.coverage[::-1]),
            grid=(columns, rows),
            owners=reading.masks.flatten(1).argmax(0).tolist(),
            slots=_slots(reading, class_names),
            classes=_classes(reading, class_names),
        )


def render_gallery(images: Sequence[GalleryImage], model: str = '') -> str:
    """Writes the page.

    Hovering a slot, or going to it with the keyboard, lights its mask in the image and
    tells its class, probability and share. Pointing at a place in an image goes to the
    slot that has it; pointing at a class shows where the evidence for it lies (eq. 8).

    Args:
        images: What it shows, in their order.
        model: Name of the model.

    Returns:
        HTML.
    """
    environment = Environment(
        loader=PackageLoader('wwt_mm.visualization', ''),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(_TEMPLATE).render(images=images, model=model)


def _slots(reading: SlotReading, class_names: Sequence[str]) -> list[dict]:
    shares = reading.shares()
    weights = token_weights(reading.masks)
    colors = slot_colors(len(shares))
    maps = []
    for slot in shares.argsort(descending=True, stable=True).tolist():
        share = f'{100 * shares[slot]:.0f} % of the image'
        label, value = share, ''
        if reading.slot_probabilities is not None:
            best, index = reading.slot_probabilities[slot].max(0)
            label, value = name_class(class_names, int(index)), f'{best:.2f}'
        what = f'{label}, {value}, {share}' if value else share
        maps.append(
            dict(
                mask=_to_mask(weights[slot]),
                label=label,
                value=value,
                text=f'Slot {slot}: {what}',
                color=to_hex(colors[slot]),
                number=slot,
                is_minor=not shares[slot],
            )
        )
    return maps


def _classes(reading: SlotReading, class_names: Sequence[str]) -> list[dict]:
    if reading.probabilities is None:
        return []
    best = reading.probabilities.topk(min(_BEST, len(reading.probabilities)))
    maps = []
    for value, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        name = name_class(class_names, index)
        maps.append(
            dict(
                mask=_to_mask(normalise_masks(reading.class_activation(index))),
                label=name,
                value=f'{value:.2f}',
                text=f'Evidence for {name}, probability {value:.2f}',
                color='#e8710a',
                number=None,
                is_minor=False,
            )
        )
    return maps


def _to_mask(weights: Tensor) -> str:
    """A map ``(h, w)`` in [0, 1] as the opacity of a white picture."""
    opacity = (255 * weights).round().byte().numpy()
    return _to_uri(Image.fromarray(np.stack([np.full_like(opacity, 255), opacity], -1)))


def _to_uri(picture: Image.Image, kind: str = 'png', **options) -> str:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return f'data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}'
