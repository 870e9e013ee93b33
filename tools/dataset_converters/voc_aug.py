#!/usr/bin/env python
"""Make the additional label maps of VOC12 (SBD) as PNGs, and the list of them."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from scipy.io import loadmat

from wwt_mm.datasets import voc_palette
from wwt_mm.engine.cli import run_tool
from wwt_mm.errors import DatasetError
from wwt_mm.guards import write_atomically

EXAMPLE = """\
example:
  python tools/dataset_converters/voc_aug.py data/VOCdevkit \\
      data/benchmark_RELEASE/dataset

writes data/VOCdevkit/VOC2012/SegmentationClassAug/*.png and the list
ImageSets/Segmentation/aug.txt: the images of SBD that are in neither train nor val of
VOC12 (9,118; with train's 1,464 they are 'trainaug', 10,582). Run again, it makes only
what is missing. See docs/datasets.md.
"""


def main(argv: list[str] | None = None) -> None:
    """Convert what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('devkit', type=Path, help='folder that holds VOC2012')
    parser.add_argument(
        'sbd', type=Path, help='folder that holds cls/*.mat, train.txt and val.txt'
    )
    args = parser.parse_args(argv)
    count = convert(args.devkit / 'VOC2012', args.sbd)
    print(f'aug.txt lists {count} images.')


def convert(voc: Path, sbd: Path) -> int:
    """Write the label maps and, when all are there, their list.

    Args:
        voc: ``VOC2012`` in the devkit.
        sbd: ``dataset`` of SBD's archive.

    Returns:
        The number of images in the list.

    Raises:
        DatasetError: If a file is missing or damaged.
    """
    lists = voc / 'ImageSets' / 'Segmentation'
    own = {*_read_list(lists / 'train.txt'), *_read_list(lists / 'val.txt')}
    names = {*_read_list(sbd / 'train.txt'), *_read_list(sbd / 'val.txt')} - own
    out = voc / 'SegmentationClassAug'
    out.mkdir(exist_ok=True)
    palette = voc_palette().tobytes()
    for name in _with_progress(sorted(names)):
        if not (voc / 'JPEGImages' / f'{name}.jpg').is_file():
            raise DatasetError(
                f'{voc / "JPEGImages"} has no {name}.jpg, which SBD labels: unpack the '
                'whole VOC2012 trainval archive'
            )
        path = out / f'{name}.png'
        if not path.is_file():
            _write_map(_read_mat(sbd / 'cls' / f'{name}.mat'), path, palette)
    write_atomically(
        ''.join(f'{name}\n' for name in sorted(names)).encode(), lists / 'aug.txt'
    )
    return len(names)


def _read_list(path: Path) -> list[str]:
    if not path.is_file():
        raise DatasetError(
            f'no list {path.absolute()}: see docs/datasets.md#voc12aug for the layout'
        )
    return path.read_text().split()


def _read_mat(path: Path) -> np.ndarray:
    """The label map ``(H, W)`` uint8 in a file of SBD."""
    if not path.is_file():
        raise DatasetError(f'no label map {path.absolute()}: unpack SBD again')
    try:
        labels = loadmat(path)['GTcls'][0, 0]['Segmentation']
    except Exception as error:  # scipy raises many kinds
        raise DatasetError(
            f'the label map {path} cannot be read ({error}): unpack SBD again'
        ) from error
    if labels.ndim != 2 or labels.max() > 20:
        raise DatasetError(f'the label map {path} is not one of the 20 VOC classes')
    return labels.astype(np.uint8)


def _write_map(labels: np.ndarray, path: Path, palette: bytes) -> None:
    image = Image.fromarray(labels)
    image.putpalette(palette)
    temporary = path.with_name(f'.{path.name}')
    image.save(temporary, format='png')
    os.replace(temporary, path)


def _with_progress(names: list[str]) -> Iterator[str]:
    return track(names, 'SegmentationClassAug', console=Console(stderr=True))


if __name__ == '__main__':
    run_tool(main)
