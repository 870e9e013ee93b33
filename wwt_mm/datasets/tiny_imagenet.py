"""Tiny-ImageNet: small photographs with a class and a box each. Needs mmengine only."""

import os
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

from ..errors import ConfigError, DatasetError, one_of

_PAGE = 'docs/datasets.md#tiny-imagenet'


@DATASETS.register_module()
class TinyImageNet(BaseDataset):
    """Tiny-ImageNet in its official layout, for mmpretrain and mmdet alike.

    Samples hold ``gt_label``, which mmpretrain reads, and ``instances`` with one box,
    which mmdet reads. Its classes are the folders of ``train``, by name: of some
    classes only, it is a smaller dataset of the same layout. Images without a box, of
    which the official files have none, are left out.

    Args:
        data_root: Folder that holds ``train``, ``val`` and ``words.txt``.
        split: ``'train'`` or ``'val'``. (Labels of ``test`` are not public.)
        class_agnostic: Whether boxes are those of one class, ``object``.
        step: Takes every so many-th image only; a fair part, as images lie by class.
        **kwargs: As for mmengine's ``BaseDataset``.

    Raises:
        ConfigError: If there is no such split or step.
        DatasetError: If a file is missing or malformed.
    """

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        class_agnostic: bool = False,
        step: int = 1,
        **kwargs,
    ) -> None:
        if step < 1:
            raise ConfigError(f'step={step} of Tiny-ImageNet must be at least 1')
        self.split = one_of('split', split, ('train', 'val'))
        self.class_agnostic = class_agnostic
        self.step = step
        super().__init__(data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List images by class (train), or in the order of the annotations (val)."""
        root = Path(self.data_root)
        wnids = _read_wnids(root)
        names = ('object',) if self.class_agnostic else _read_names(root, wnids)
        self._metainfo['classes'] = names
        labels = {wnid: label for label, wnid in enumerate(wnids)}
        rows = _read_train(root, wnids) if self.split == 'train' else _read_val(root)
        samples = [
            self._make_sample(path, labels[wnid], box)
            for path, wnid, box in rows
            if wnid in labels
        ]
        return samples[:: self.step]

    def _make_sample(self, path: str, label: int, box: list[int]) -> dict:
        box_label = 0 if self.class_agnostic else label
        return dict(
            img_path=path,
            img_id=os.path.basename(path).rpartition('.')[0],
            height=64,
            width=64,
            gt_label=label,
            instances=[dict(bbox=box, bbox_label=box_label, ignore_flag=0)],
        )


def _read_wnids(root: Path) -> list[str]:
    folder = root / 'train'
    if not folder.is_dir():
        raise DatasetError(f'no folder {folder.absolute()}: lay it out as {_PAGE} says')
    wnids = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    if not wnids:
        raise DatasetError(f'{folder.absolute()} holds no class folder: see {_PAGE}')
    return wnids


def _read_names(root: Path, wnids: list[str]) -> tuple[str, ...]:
    """The first of each class's names; its wnid beside it where two share it."""
    path = root / 'words.txt'
    words = dict(line.split('\t', 1) for line in _read_lines(path) if '\t' in line)
    nameless = [wnid for wnid in wnids if wnid not in words]
    if nameless:
        raise DatasetError(
            f'{path} has no name for {len(nameless)} of {len(wnids)} class folders, '
            f'such as {nameless[0]}: take the words.txt of the archive ({_PAGE})'
        )
    names = [words[wnid].split(',')[0].strip() for wnid in wnids]
    return tuple(
        name if names.count(name) == 1 else f'{name} ({wnid})'
        for name, wnid in zip(names, wnids, strict=True)
    )


def _read_train(root: Path, wnids: list[str]) -> list[tuple[str, str, list[int]]]:
    """Path, class and box of each image, as the box files list them."""
    rows = []
    for wnid in wnids:
        folder = root / 'train' / wnid
        table = _read_table(folder / f'{wnid}_boxes.txt', folder / 'images', 5)
        rows += [(path, wnid, box) for path, _, box in table]
    return rows


def _read_val(root: Path) -> list[tuple[str, str, list[int]]]:
    folder = root / 'val'
    table = _read_table(folder / 'val_annotations.txt', folder / 'images', 6)
    return [(path, wnid, box) for path, (wnid,), box in table]


def _read_table(
    path: Path, images: Path, columns: int
) -> list[tuple[str, list[str], list[int]]]:
    """Path of the image, columns between, and box, of each line of a list of boxes.

    The files' boxes include their last pixel, what is returned excludes it.
    """
    present = {entry.name for entry in os.scandir(images)} if images.is_dir() else ()
    rows = []
    for number, line in enumerate(_read_lines(path), start=1):
        name, *between = line.split('\t')
        try:
            x1, y1, x2, y2 = map(int, between[-4:])
        except ValueError:
            between = []
        if len(between) != columns - 1 or x2 < x1 or y2 < y1:
            raise DatasetError(
                f'{path}:{number}: {line!r} is not {columns} columns, tabs between, '
                f'that end with a box x1, y1, x2, y2: see {_PAGE}'
            )
        if name not in present:
            raise DatasetError(
                f'{path}:{number}: no image {images / name}: unpack the archive again '
                f'({_PAGE})'
            )
        rows.append((f'{images}/{name}', between[:-4], [x1, y1, x2 + 1, y2 + 1]))
    return rows


def _read_lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DatasetError(f'no file {path.absolute()}: lay it out as {_PAGE} says')
    return path.read_text(encoding='utf-8').splitlines()
