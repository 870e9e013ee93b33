"""Which classes an image shows, from its label map."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class AddImageLabels(BaseTransform):
    """Tell the classes of an image, for weak supervision with given labels.

    Required key: ``gt_seg_map``, without which nothing is added. Added key:
    ``image_labels``, a tuple of class ids in ascending order, without background and
    ignored pixels. Datasets whose images have
    a label of their own, as :class:`~wwt_mm.datasets.imagenet_s.ImageNetSDataset`,
    set the key themselves and need no such step.

    Args:
        background: Label of the background.
        ignore_index: Label of pixels that do not count.
    """

    def __init__(self, background: int = 0, ignore_index: int = 255) -> None:
        self.left_out = (background, ignore_index)

    def transform(self, results: dict) -> dict:
        """Add the labels."""
        if 'gt_seg_map' not in results:
            return results
        present = np.unique(results['gt_seg_map'])
        results['image_labels'] = tuple(
            int(label) for label in present if label not in self.left_out
        )
        return results
