"""A miniature of Tiny-ImageNet in its official layout."""

from pathlib import Path

import cv2
import numpy as np

WNIDS = ('n01', 'n02', 'n03')
WORDS = {'n01': 'crane', 'n02': 'crane, wading bird', 'n03': 'tabby, tabby cat'}


def write_tiny_imagenet(root: Path, wnids=WNIDS, train=4, val=2, words=WORDS) -> Path:
    """Write ``train`` and ``val`` images of each class.

    Image ``i`` of class ``c`` shows a bright rectangle, which is its box (last pixel
    included): left ``4 + i``, top ``8``, of 20 x 16 pixels, in channel ``c`` modulo 3.
    """
    rng = np.random.default_rng(0)
    (root / 'val' / 'images').mkdir(parents=True)
    lines = []
    for label, wnid in enumerate(wnids):
        images = root / 'train' / wnid / 'images'
        images.mkdir(parents=True)
        boxes = []
        for i in range(train):
            box = _write(images / f'{wnid}_{i}.JPEG', rng, label, i)
            boxes.append(f'{wnid}_{i}.JPEG\t{box}\n')
        (images.parent / f'{wnid}_boxes.txt').write_text(''.join(boxes))
        for i in range(val):
            name = f'val_{label * val + i}.JPEG'
            box = _write(root / 'val' / 'images' / name, rng, label, i)
            lines.append(f'{name}\t{wnid}\t{box}\n')
    (root / 'val' / 'val_annotations.txt').write_text(''.join(lines[::-1]))
    names = [f'{wnid}\t{name}\n' for wnid, name in words.items()]
    (root / 'words.txt').write_text(''.join(names))
    return root


def _write(path: Path, rng: np.random.Generator, label: int, i: int) -> str:
    pixels = rng.integers(0, 80, (64, 64, 3), np.uint8)
    pixels[8:24, 4 + i : 24 + i, label % 3] += 150
    cv2.imwrite(str(path), pixels)
    return f'{4 + i}\t8\t{23 + i}\t23'
