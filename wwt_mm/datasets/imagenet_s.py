"""ImageNet-S: label maps for classes of ImageNet (Gao et al., 2022). Needs mmseg."""

import io
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.registry import FUNCTIONS
from mmseg.datasets import BaseSegDataset
from mmseg.evaluation import IoUMetric
from mmseg.registry import DATASETS, METRICS
from PIL import Image

from ..errors import ConfigError, DatasetError, one_of
from ..guards.atomic import write_atomically

#: Classes of the three subsets, each of which holds those before it.
SUBSETS = (50, 300, 919)
#: Label of pixels that do not count.
IGNORE_INDEX = 1000
_TABLE = Path(__file__).with_name('imagenet_s_classes.txt')


class ImageNetSClass(NamedTuple):
    """A class of ImageNet-S.

    Attributes:
        wnid: Its WordNet id, which names folders.
        name: Its name.
    """

    wnid: str
    name: str


@cache
def imagenet_s_classes(subset: int) -> tuple[ImageNetSClass, ...]:
    """Classes of a subset; the label of each is its position, counted from 1.

    Args:
        subset: 50, 300 or 919.

    Raises:
        ConfigError: If there is no such subset.
    """
    one_of('subset', subset, SUBSETS)
    return tuple(
        ImageNetSClass(wnid, name)
        for wnid, kind, name in _read_table()
        if kind.isdigit() and int(kind) <= subset
    )


@FUNCTIONS.register_module()
def imagenet_class_map(subset: int) -> list[int]:
    """Label in ImageNet-S, or 0 if it has none, of each of the 1000 ImageNet classes.

    ImageNet-S merges five classes into others that look the same.

    Args:
        subset: 50, 300 or 919.

    Raises:
        ConfigError: If there is no such subset.
    """
    classes = imagenet_s_classes(subset)
    labels = {c.wnid: label for label, c in enumerate(classes, start=1)}
    return [
        labels.get(kind.removeprefix('=') if kind.startswith('=') else wnid, 0)
        for wnid, kind, _ in _read_table()
    ]


@DATASETS.register_module()
class ImageNetSDataset(BaseSegDataset):
    """ImageNet-S 50, 300 or 919, in the layout of its authors.

    ``SPLIT/WNID/NAME.JPEG`` are the images and ``SPLIT-segmentation/WNID/NAME.png``
    the label maps: RGB, label ``R + 256 * G``, 0 for "other", 1000 for ignored. Load
    them with ``LoadSegMap(encoding='rgb_id')``. The folder of an image tells its class,
    which samples carry as ``image_labels``.

    Args:
        data_root: Folder of the subset, such as ``ImageNetS50``.
        subset: 50, 300 or 919.
        split: ``'validation'`` or ``'train-semi'``, the annotated training images.
        **kwargs: Arguments of mmseg's ``BaseSegDataset``.

    Raises:
        ConfigError: If there is no such subset.
        DatasetError: If folders are missing or empty, or belong to another subset.
    """

    def __init__(
        self,
        data_root: str,
        subset: int = 50,
        split: str = 'validation',
        **kwargs,
    ) -> None:
        self.subset = subset
        self.split = split
        classes = ('other', *(c.name for c in imagenet_s_classes(subset)))
        super().__init__(
            data_root=data_root,
            data_prefix=dict(img_path=split, seg_map_path=f'{split}-segmentation'),
            img_suffix='.JPEG',
            metainfo=dict(classes=_make_unique(classes)),
            ignore_index=IGNORE_INDEX,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """List images, by class and name."""
        folder = Path(self.data_prefix['img_path'])
        maps = Path(self.data_prefix['seg_map_path'])
        for path in (folder, maps):
            if not path.is_dir():
                raise DatasetError(
                    f'no folder {path.absolute()}: docs/datasets.md#imagenet-s tells '
                    'how to make it'
                )
        classes = imagenet_s_classes(self.subset)
        labels = {c.wnid: label for label, c in enumerate(classes, start=1)}
        data = []
        for directory in sorted(path for path in folder.iterdir() if path.is_dir()):
            if directory.name not in labels:
                raise DatasetError(
                    f'{directory} is no class of ImageNet-S{self.subset}: set subset '
                    f'to one of {SUBSETS}, or remove the folder'
                )
            for image in sorted(directory.glob(f'*{self.img_suffix}')):
                name = image.stem + self.seg_map_suffix
                data.append(
                    dict(
                        img_path=str(image),
                        seg_map_path=str(maps / directory.name / name),
                        image_labels=(labels[directory.name],),
                        num_classes=self.subset + 1,
                        label_map=None,
                        reduce_zero_label=False,
                        seg_fields=[],
                    )
                )
        if not data:
            raise DatasetError(
                f'{folder.absolute()} holds no WNID/*{self.img_suffix}: see '
                'docs/datasets.md#imagenet-s'
            )
        return data


@METRICS.register_module()
class ImageNetSMetric(IoUMetric):
    """mIoU as the official evaluator of ImageNet-S computes it.

    The mean is over the classes and "other"; pixels labelled 1000 do not count; a
    class that is neither present nor predicted counts 0.

    Args:
        output_dir: Folder to write label maps to, in the layout and the encoding
            (``R + 256 * G``) that the official evaluator reads.
        **kwargs: Arguments of mmseg's ``IoUMetric``.
    """

    def __init__(self, output_dir: str | None = None, **kwargs) -> None:
        kwargs = dict(ignore_index=IGNORE_INDEX, nan_to_num=0) | kwargs
        super().__init__(**kwargs)
        self.map_dir = output_dir
        if self.format_only and output_dir is None:
            raise ConfigError('format_only=True needs an output_dir to write to')

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        """Count the pixels of a batch, and write its label maps if asked to."""
        super().process(data_batch, data_samples)
        if self.map_dir is None:
            return
        for sample in data_samples:
            image = Path(sample['img_path'])
            path = Path(self.map_dir, image.parent.name, f'{image.stem}.png')
            labels = sample['pred_sem_seg']['data'].squeeze().cpu().numpy()
            pixels = np.stack([labels % 256, labels // 256, 0 * labels], -1)
            file = io.BytesIO()
            Image.fromarray(pixels.astype(np.uint8)).save(file, 'png')
            write_atomically(file.getvalue(), path, flush=False)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Average over classes; nothing with ``format_only``."""
        return {} if self.format_only else super().compute_metrics(results)


@cache
def _read_table() -> tuple[tuple[str, str, str], ...]:
    """(WordNet id, subset or merge or '-', name) of the ImageNet-1k classes."""
    lines = _TABLE.read_text(encoding='utf-8').splitlines()
    rows = (line.split(maxsplit=2) for line in lines if not line.startswith('#'))
    return tuple((wnid, kind, name) for wnid, kind, name in rows)


def _make_unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """Two classes may share a name ("crane"): number the second."""
    before = [names[:place].count(name) for place, name in enumerate(names)]
    return tuple(
        f'{name} ({count + 1})' if count else name
        for name, count in zip(names, before, strict=True)
    )
