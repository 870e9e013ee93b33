"""Compares the size of images with what annotations say of it."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ..errors import DatasetError

_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)


def read_size(path: Path) -> tuple[int, int] | None:
    """Width and height of an image as libraries load it, from the head of its file.

    Returns:
        tuple[int, int] | None: ``None`` if the file is missing or its form unknown.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION) in _TURNED
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
        return None
    return (height, width) if turned else (width, height)


def check_sizes(images: Iterable[tuple[Path, int, int]], says: str) -> None:
    """Looks whether images have the width and height that is told of them.

    Boxes are cut off at the latter, and masks are made in it.

    Args:
        images: Path, width and height of each.
        says: Who tells, for the message.

    Raises:
        DatasetError: For the first that has others.
    """
    for path, *told in images:
        size = read_size(path)
        if size is not None and list(size) != told:
            raise DatasetError(
                f'{path} is {size[0]} x {size[1]} pixels, and {says} '
                f'{told[0]} x {told[1]}: the annotations are of another version of the '
                'image, or width and height are swapped'
            )
