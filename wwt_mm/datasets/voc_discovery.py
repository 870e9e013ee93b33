"""Pascal VOC as object discovery uses it. Needs mmdet."""

import xml.etree.ElementTree as ET

from mmdet.datasets import VOCDataset
from mmdet.registry import DATASETS


@DATASETS.register_module()
class VOCDiscoveryDataset(VOCDataset):
    """Pascal VOC (or anything in its layout) with one class, ``object``.

    As in LOST's evaluation (Simeoni et al., 2021), objects of every class count,
    truncated and difficult ones too. A box reaches from ``xmin - 1`` to ``xmax`` (VOC
    counts pixels from 1 and includes the last), in mmdet's ``VOCDataset`` to
    ``xmax - 1``.

    Args:
        drop_hard: Leave truncated and difficult objects out (LOST's ``no_hard``).
        **kwargs: As for mmdet's ``VOCDataset``.
    """

    METAINFO = dict(classes=('object',), palette=[(220, 20, 60)])

    def __init__(self, drop_hard: bool = False, **kwargs) -> None:
        self.drop_hard = drop_hard
        super().__init__(**kwargs)

    def _parse_instance_info(
        self, raw_ann_info: ET.ElementTree, minus_one: bool = True
    ) -> list[dict]:
        instances = []
        for element in raw_ann_info.findall('object'):
            hard = any(element.findtext(f, '0') == '1' for f in _HARD)
            if hard and self.drop_hard:
                continue
            box = element.find('bndbox')
            xmin, ymin, xmax, ymax = (
                int(float(box.findtext(side)))
                for side in ('xmin', 'ymin', 'xmax', 'ymax')
            )
            bbox = (
                [xmin - 1, ymin - 1, xmax, ymax]
                if minus_one
                else [xmin, ymin, xmax, ymax]
            )
            instances.append(dict(bbox=bbox, bbox_label=0, ignore_flag=0))
        return instances


_HARD = ('truncated', 'difficult')
