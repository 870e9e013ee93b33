"""Images with a map of classes and a map of objects, in Pascal VOC's layout."""

import os.path as osp

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS


@DATASETS.register_module()
class ObjectMasksDataset(BaseSegDataset):
    """mmseg's dataset with ``instance_map_path`` beside ``seg_map_path``. Needs mmseg.

    For Pascal VOC (``SegmentationClass``, ``SegmentationObject``) and generated scenes.
    Load the maps with :class:`~wwt_mm.object_centric.LoadObjectMaps`.

    Args:
        data_prefix: ``img_path`` and, unless only images are wanted, ``seg_map_path``
            and ``instance_map_path``: folders below ``data_root``.
        **kwargs: As for mmseg's ``BaseSegDataset``.
    """

    # Nobody reads the names of classes, and mmseg insists on some.
    METAINFO = dict(classes=('object',), palette=[(220, 20, 60)])

    def load_data_list(self) -> list[dict]:
        """List images; the two maps of an image have the same name."""
        data = super().load_data_list()
        folder = self.data_prefix.get('instance_map_path')
        if folder is not None:
            for info in data:
                name = osp.basename(info['seg_map_path'])
                info['instance_map_path'] = osp.join(folder, name)
        return data
