"""COCO20k, the part of COCO that object discovery is evaluated on. Needs mmdet."""

import re
from pathlib import Path

from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS

from wwt_mm.errors import DatasetError

_NAME = re.compile(r'(?:^|_)(\d+)\.\w+$')


@DATASETS.register_module()
class Coco20kDataset(CocoDataset):
    """19,817 images of COCO train2014 (Vo et al., 2020), with one class, ``object``.

    The list of images is public with the code of LOST (``coco_20k_filenames.txt``).
    Crowds are ignored instances, all other objects count, and boxes are rounded to
    whole pixels, as in LOST's evaluation. (mmdet also leaves out boxes of less than a
    pixel.)

    Args:
        image_list: File with one image name per line, such as
            ``train2014/COCO_train2014_000000000009.jpg``; relative to ``data_root``.
        ann_file: ``instances_train2014.json``; relative to ``data_root``.
        **kwargs: As for mmdet's ``CocoDataset``.

    Raises:
        DatasetError: If the list is missing or malformed, or names an image that the
            annotations do not know.
    """

    def __init__(self, image_list: str, **kwargs) -> None:
        self.image_list = image_list
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """Load the listed images, in the order of the list."""
        wanted = self._read_image_list()
        known = {info['img_id']: info for info in super().load_data_list()}
        missing = [image for image in wanted if image not in known]
        if missing:
            raise DatasetError(
                f'{self.ann_file} knows nothing of {len(missing)} of {len(wanted)} '
                f'images of {self.image_list}, such as {missing[0]}: COCO20k needs '
                'instances_train2014.json (docs/datasets.md#coco-20k)'
            )
        for image in wanted:
            for instance in known[image]['instances']:
                instance.pop('mask', None)
                instance['bbox'] = [round(side) for side in instance['bbox']]
                instance['bbox_label'] = 0
        # Only now: mmdet looks its classes up in the annotation file.
        self._metainfo.update(classes=('object',), palette=[(220, 20, 60)])
        return [known[image] for image in wanted]

    def _read_image_list(self) -> list[int]:
        path = Path(self.data_root or '', self.image_list)
        if not path.is_file():
            raise DatasetError(
                f'no list of images at {path.absolute()}: get coco_20k_filenames.txt '
                'as docs/datasets.md#coco-20k says'
            )
        images = []
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if not line.strip():
                continue
            match = _NAME.search(line.strip())
            if match is None:
                raise DatasetError(
                    f'{path}:{number}: {line.strip()!r} is no image name such as '
                    'train2014/COCO_train2014_000000000009.jpg'
                )
            images.append(int(match[1]))
        return images
