"""Reads an annotation file of COCO's form, and names what is wrong with it.

mmdet numbers classes in the order of the file's categories, whatever the order of
``metainfo.classes``, and leaves out those whose name differs in a letter: the labels of
all that follow shift by one.
"""

import json
import logging
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from mmengine.logging import print_log

from ..errors import DatasetError
from .class_names import Classes, find_difference, list_near
from .image_size import check_sizes

# What mmdet and pycocotools read of each annotation.
_NEEDED = ('image_id', 'category_id', 'bbox', 'area', 'iscrowd')
# Images whose size is looked at, spread evenly.
_SIZES = 1000


def check_coco(
    ann_file: Path,
    images: Path,
    classes: Collection[str],
    ignored: Collection[str] = (),
) -> None:
    """Compares a file with the classes of its dataset, and with some of its images.

    Args:
        ann_file: The JSON file. One that is no such file is left to mmdet's error.
        images: Folder of the images.
        classes: Names of the dataset's classes.
        ignored: Names of other classes, about which nothing is said.

    Raises:
        DatasetError: If classes are missing, in another order or there twice, an
            annotation lacks a field, or an image has another size.
    """
    try:
        content = json.loads(ann_file.read_bytes())
        names = [str(category['name']) for category in content['categories']]
        annotations = content.get('annotations', [])
        pictures = [
            (images / picture['file_name'], picture['width'], picture['height'])
            for picture in content['images']
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return
    _check_names(ann_file, names, tuple(classes), ignored)
    for number, annotation in enumerate(annotations, 1):
        missing = [key for key in _NEEDED if key not in annotation]
        if missing:
            raise DatasetError(
                f'annotation {number} (id {annotation.get("id")}) of {ann_file} has no '
                f'{" and no ".join(missing)}: add it to each (area: width * height of '
                'the box, or of its mask; iscrowd: 0)'
            )
    step = max(1, len(pictures) // _SIZES)
    check_sizes(pictures[::step], f'{ann_file} says')


def _check_names(
    ann_file: Path, names: list[str], classes: tuple[str, ...], ignored: Collection[str]
) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DatasetError(
            f'{ann_file} has several categories named {list_near(twice, ())}: give '
            'each a name of its own'
        )
    surplus = [name for name in names if name not in classes]
    used = tuple(name for name in names if name in classes)
    missing = [name for name in classes if name not in names]
    if missing:
        raise DatasetError(
            f'the categories of {ann_file} lack {list_near(missing, surplus)} of '
            f'metainfo.classes, and mmdet would number what is left anew; beside them '
            f'the file has {list_near(surplus, ()) or "nothing"}: write the names as '
            'in the file'
        )
    difference = find_difference(
        Classes(classes, 'metainfo.classes'), Classes(used, 'the file')
    )
    if difference:
        raise DatasetError(
            f'{ann_file}: {difference}; mmdet takes the order of the file: set '
            f'metainfo.classes to {used!r}, or sort the categories of the file'
        )
    left_out = [name for name in surplus if name not in ignored]
    if left_out:
        print_log(
            f'{ann_file} has other categories than metainfo.classes, whose objects are '
            f'left out: {list_near(left_out, ())}',
            'current',
            logging.WARNING,
        )
