"""Reads the annotations of a dataset in Pascal VOC's layout, and names what is wrong.

mmdet leaves out objects of classes it does not know and trains on boxes as they are:
inside out, without area or outside of the image.
"""

from collections.abc import Collection
from pathlib import Path
from xml.etree import ElementTree

from ..errors import DatasetError

_SIDES = ('xmin', 'ymin', 'xmax', 'ymax')
# VOC counts pixels from 1 and rounds; a pixel more or less is no mistake.
_TOLERANCE = 1


def check_voc(
    ann_file: Path,
    images: Path,
    annotations: Path,
    classes: Collection[str],
    ignored: Collection[str] = (),
) -> None:
    """Checks every image that a list names.

    Args:
        ann_file: The list, one name in each line.
        images: Folder of ``NAME.jpg``.
        annotations: Folder of ``NAME.xml``.
        classes: Names of the classes.
        ignored: Names of other classes that annotations may hold.

    Raises:
        DatasetError: For the first mistake, with its file and object.
    """
    for number, name in enumerate(read_list(ann_file), 1):
        if not (images / f'{name}.jpg').is_file():
            raise DatasetError(
                f'line {number} of {ann_file} names {name!r}, and there is no '
                f'{images / name}.jpg: restore the image, or remove the line'
            )
        check_annotation(annotations / f'{name}.xml', classes, ignored)


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
) -> None:
    """Checks one file of annotations.

    Args:
        path: The XML file.
        classes: Names of the classes.
        ignored: Names of other classes that it may hold.

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
        _check_box(_read_box(thing, where), size, where)


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


def _check_box(box: list[float], size: tuple[int, int] | None, where: str) -> None:
    x1, y1, x2, y2 = box
    text = f'box ({", ".join(f"{side:g}" for side in box)})'
    if x2 < x1 or y2 < y1:
        raise DatasetError(
            f'{where} has the {text}, which is inside out: xmin, ymin come before '
            'xmax, ymax'
        )
    # As mmdet reads them: whole numbers.
    if int(x2) == int(x1) or int(y2) == int(y1):
        raise DatasetError(f'{where} has the {text} without area: remove or correct it')
    if size is None:
        return
    width, height = size
    if (
        min(x1, y1) < 1 - _TOLERANCE
        or x2 > width + _TOLERANCE
        or (y2 > height + _TOLERANCE)
    ):
        raise DatasetError(
            f'{where} has the {text} outside of its image of {width} x {height} '
            'pixels: correct it, or <size>'
        )
