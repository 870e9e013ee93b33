#!/usr/bin/env python
"""Put the images of ImageNet beside the label maps of ImageNet-S."""

import argparse
import os
import shutil
from pathlib import Path

from rich.console import Console
from rich.progress import track

from wwt_mm.engine.cli import run_tool
from wwt_mm.errors import DatasetError

EXAMPLE = """\
example:
  python tools/dataset_converters/imagenet_s.py data/imagenet data/ImageNetS50

For each data/ImageNetS50/SPLIT-segmentation/WNID/NAME.png, SPLIT being train-semi or
validation, it links NAME.JPEG of data/imagenet (train/WNID/ and val/, flat or in one
folder per class) to data/ImageNetS50/SPLIT/WNID/. Run again, it makes only what is
missing. See docs/datasets.md.
"""
#: Splits of ImageNet-S and the folders of ImageNet their images come from.
SOURCES = {'train-semi': 'train', 'validation': 'val'}


def main(argv: list[str] | None = None) -> None:
    """Link what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('imagenet', type=Path, help='folder with train/ and val/')
    parser.add_argument(
        'subset', type=Path, help='folder with the unpacked label maps of a subset'
    )
    parser.add_argument(
        '--copy', action='store_true', help='copy the images instead of linking'
    )
    args = parser.parse_args(argv)
    for split, count in link(args.imagenet, args.subset, args.copy).items():
        print(f'{split}: {count} images')


def link(imagenet: Path, subset: Path, copy: bool = False) -> dict[str, int]:
    """Give every label map its image.

    Args:
        imagenet: Folder with ``train`` and ``val``.
        subset: Folder with ``train-semi-segmentation``, ``validation-segmentation`` or
            both.
        copy: Copy instead of linking.

    Returns:
        The number of images of each split found.

    Raises:
        DatasetError: If there is no label map, or no image for one.
    """
    counts = {}
    for split, source in SOURCES.items():
        maps = sorted((subset / f'{split}-segmentation').glob('*/*.png'))
        if not maps:
            continue
        images = _index(imagenet / source)
        for path in track(maps, split, console=Console(stderr=True)):
            image = images.get(path.stem)
            if image is None:
                raise DatasetError(
                    f'{imagenet / source} has no {path.stem}.JPEG for the label map '
                    f'{path}: is the whole split there?'
                )
            target = subset / split / path.parent.name / image.name
            _place(image.absolute(), target, copy)
        counts[split] = len(maps)
    if not counts:
        raise DatasetError(
            f'{subset.absolute()} holds no validation-segmentation/WNID/*.png: unpack '
            'the label maps there (docs/datasets.md#imagenet-s)'
        )
    return counts


def _index(folder: Path) -> dict[str, Path]:
    """Images below a folder by their name, which is unique in ImageNet."""
    if not folder.is_dir():
        raise DatasetError(
            f'no folder {folder.absolute()}: see docs/datasets.md#imagenet'
        )
    return {path.stem: path for path in folder.rglob('*.JPEG')}


def _place(image: Path, target: Path, copy: bool) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if not copy:
        target.unlink(missing_ok=True)  # a link to nowhere
        target.symlink_to(image)
        return
    temporary = target.with_name(f'.{target.name}')
    shutil.copy(image, temporary)
    os.replace(temporary, target)


if __name__ == '__main__':
    run_tool(main)
