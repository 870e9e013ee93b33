"""Reads the annotations of a dataset in Pascal VOC's layout, and names what is wrong.

mmdet leaves out objects of classes it does not know and trains on boxes as they are:
inside out, without area or outside of the image. The image is as large as it is told.
"""

from collections.abc import Collection
from pathlib import Path
from xml.etree import ElementTree

from ..errors import DatasetError
from .image_size import check_sizes

_SIDES = ('xmin', 'ymin', 'xmax', 'ymax')
# VOC counts pixels from 1 and rounds; a pixel more or less is no mistake.
_TOLERANCE = 1
# Files that a message names.
_SHOWN = 3


def check_voc(
    ann_file: Path,
    images: Path,
    annotations: Path,
    classes: Collection[str],
    ignored: Collection[str] = (),
    clip: bool = False,
) -> None:
    """Checks every image that a list names.

    Args:
        ann_file: The list, one name in each line.
        images: Folder of ``NAME.jpg``.
        annotations: Folder of ``NAME.xml``.
        classes: Names of the classes.
        ignored: Names of other classes that annotations may hold.
        clip: Whether boxes may exceed their image, since they will be clipped.

    Raises:
        DatasetError: For the first mistake, with its file and object; boxes outside of
            their image are counted first.
    """
    outside: list[str] = []
    for number, name in enumerate(read_list(ann_file), 1):
        if not (images / f'{name}.jpg').is_file():
            raise DatasetError(
                f'line {number} of {ann_file} names {name!r}, and there is no '
                f'{images / name}.jpg: restore the image, or remove the line'
            )
        path = annotations / f'{name}.xml'
        size, wheres = check_annotation(path, classes, ignored)
        if size:
            check_sizes([(images / f'{name}.jpg', *size)], f'<size> of {path} says')
        outside += wheres[:1]
    if outside and not clip:
        shown = '; '.join(outside[:_SHOWN])
        more = f', and {len(outside) - _SHOWN} more' if len(outside) > _SHOWN else ''
        raise DatasetError(
            f'{len(outside)} of {number} files have a box outside of the image: '
            f'{shown}{more}: correct them, or <size>, or let boxes be cut off at the '
            'border with --cfg-options clip_boxes=True'
        )


def read_list(ann_file: Path) -> list[str]:
    """Reads the names of a list of images.

    Raises:
        DatasetError: If it is no text, or a line is empty or leads out of the dataset.
    """
    try:
        names = ann_file.read_text(encoding='utf-8').split('\n')
    except (UnicodeDecodeError, OSError) as error:
        raise DatasetError(
            f'{ann_file} cannot be read as a list of names: {error}'
        ) from error
    if not names[-1]:
        names.pop()
    for number, name in enumerate(names, 1):
        if not name.strip() or not name.isprintable() or '..' in Path(name).parts:
            raise DatasetError(
                f'line {number} of {ann_file} is no name of an image: {name!r}; write '
                'one name, without folder and suffix, in each line'
            )
    return names


def check_annotation(
    path: Path, classes: Collection[str], ignored: Collection[str] = ()
) -> tuple[tuple[int, int] | None, list[str]]:
    """Checks one file of annotations.

    Args:
        path: The XML file.
        classes: Names of the classes.
        ignored: Names of other classes that it may hold.

    Returns:
        Width and height that it tells, if any, and the objects whose box lies outside.

    Raises:
        DatasetError: If it is missing or malformed, or an object has an unknown class
            or a box that is none.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise DatasetError(
            f'no annotation file {path} ({error.strerror}): restore it, or take '
            f'{path.stem} out of the list in ann_file'
        ) from error
    # A declared encoding that there is not raises the latter two.
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise DatasetError(
            f'{path} is no well-formed XML ({error}): copy it again from the dataset'
        ) from error
    size = _read_size(root, path)
    outside = []
    for number, thing in enumerate(root.findall('object'), 1):
        name = thing.findtext('name')
        shown = name if name and name.isprintable() else repr(name)
        where = f'object {number} ({shown}) of {path}'
        if name not in classes and name not in ignored:
            raise DatasetError(
                f'{where} has a class that the dataset does not: add {name!r} to its '
                'metainfo.classes, or leave such objects out with --cfg-options '
                f'ignored_classes={shown}'
            )
        if thing.findtext('difficult', '0').strip() not in ('0', '1'):
            raise DatasetError(f'{where} must have 0 or 1 as <difficult>')
        box = _read_box(thing, where)
        _check_box(box, where)
        if size and not _lies_inside(box, *size):
            outside.append(f'{where}: {_show(box)} of {size[0]} x {size[1]} pixels')
    return size, outside


def _read_size(root: ElementTree.Element, path: Path) -> tuple[int, int] | None:
    size = root.find('size')
    if size is None:
        return None  # mmdet looks into the image then
    try:
        width, height = (int(size.findtext(side, '')) for side in ('width', 'height'))
    except ValueError:
        width = height = 0
    if width < 1 or height < 1:
        raise DatasetError(f'<size> of {path} must hold <width> and <height> above 0')
    return width, height


def _read_box(thing: ElementTree.Element, where: str) -> list[float]:
    box = thing.find('bndbox')
    try:
        sides = [float(box.findtext(side, '')) for side in _SIDES]
        [int(side) for side in sides]  # neither NaN nor infinite
    except (AttributeError, ValueError, OverflowError) as error:
        raise DatasetError(
            f'{where} must have a <bndbox> with numbers as {", ".join(_SIDES)}'
        ) from error
    return sides


def _check_box(box: list[float], where: str) -> None:
    x1, y1, x2, y2 = box
    text = f'box {_show(box)}'
    if x2 < x1 or y2 < y1:
        raise DatasetError(
            f'{where} has the {text}, which is inside out: xmin, ymin come before '
            'xmax, ymax'
        )
    # As mmdet reads them: whole numbers.
    if int(x2) == int(x1) or int(y2) == int(y1):
        raise DatasetError(f'{where} has the {text} without area: remove or correct it')


def _lies_inside(box: list[float], width: int, height: int) -> bool:
    x1, y1, x2, y2 = box
    begins = min(x1, y1) >= 1 - _TOLERANCE
    return begins and x2 <= width + _TOLERANCE and y2 <= height + _TOLERANCE


def _show(box: list[float]) -> str:
    return f'({", ".join(f"{side:g}" for side in box)})'
