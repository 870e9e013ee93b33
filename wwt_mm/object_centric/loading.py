"""Ground truth of object discovery: a map of objects and a map of classes."""

import numpy as np
from mmcv.transforms import BaseTransform, to_tensor
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from ..errors import DatasetError
from ..segmentation.loading import LoadSegMap

#: Pixels with this value count neither as object nor as background.
VOID = 255
_MAX_OBJECTS = 254  # what an 8-bit map can tell apart


@TRANSFORMS.register_module()
class LoadObjectMaps(BaseTransform):
    """Load the label maps of a dataset in the layout of Pascal VOC.

    Required keys: those of :class:`~wwt_mm.segmentation.LoadSegMap`, and
    ``instance_map_path``. Added keys: ``gt_seg_map``, classes, and
    ``gt_instance_map``, objects; both ``(H, W)`` uint8, 0 background, 255 void.

    Args:
        num_classes: Number of classes with background.

    Raises:
        DatasetError: On use, if a map is missing, damaged or of another image.
    """

    def __init__(self, num_classes: int = 21) -> None:
        self.classes = LoadSegMap(num_classes, VOID)
        self.objects = LoadSegMap(_MAX_OBJECTS + 1, VOID)

    def transform(self, results: dict) -> dict:
        """Add both maps."""
        results = self.classes.transform(results)
        as_labels = dict(
            results, seg_map_path=results['instance_map_path'], seg_fields=[]
        )
        results['gt_instance_map'] = self.objects.transform(as_labels)['gt_seg_map']
        return results


@TRANSFORMS.register_module()
class MasksToObjectMaps(BaseTransform):
    """Draw the masks of COCO's instances into the two maps.

    Pixels of several objects are void in the map of objects and belong to the highest
    class in the map of classes, as in DINOSAUR's evaluation. Crowds are no objects:
    their pixels are background, unless an object is there.

    Required keys: ``gt_masks``, ``gt_bboxes_labels`` and ``gt_ignore_flags`` of mmdet's
    ``LoadAnnotations``. Added keys: as for :class:`LoadObjectMaps`.

    Raises:
        DatasetError: On use, if there are more than 254 objects.
    """

    def transform(self, results: dict) -> dict:
        """Add both maps."""
        masks = results['gt_masks'].masks  # (n, H, W) uint8
        kept = ~np.asarray(results['gt_ignore_flags'], bool)
        kept &= masks.any((1, 2))
        masks, labels = masks[kept] > 0, results['gt_bboxes_labels'][kept]
        _check_count(len(masks), results)
        shape = results['gt_masks'].height, results['gt_masks'].width
        objects, classes = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        if len(masks):
            numbers = np.arange(1, len(masks) + 1, dtype=np.uint8)[:, None, None]
            objects = (masks * numbers).max(0)
            objects[masks.sum(0) > 1] = VOID
            labels = (labels + 1).astype(np.uint8)[:, None, None]
            classes = (masks * labels).max(0)
        results['gt_instance_map'], results['gt_seg_map'] = objects, classes
        return results


@TRANSFORMS.register_module()
class CropObjectMaps(BaseTransform):
    """Resize the maps' shorter side and cut out the centre, by the nearest pixel.

    DINOSAUR's evaluation: 320 x 320 pixels, while the network sees the same part of the
    image at its own size.

    Required keys: ``gt_seg_map``, ``gt_instance_map``. Added key: ``map_shape``.

    Args:
        size: Side in pixels.
    """

    def __init__(self, size: int = 320) -> None:
        self.size = size

    def transform(self, results: dict) -> dict:
        """Replace both maps."""
        height, width = results['gt_instance_map'].shape
        shorter = min(height, width)
        rows, columns = (self._sample(side, shorter) for side in (height, width))
        for key in ('gt_instance_map', 'gt_seg_map'):
            results[key] = results[key][rows[:, None], columns]
        results['map_shape'] = (self.size, self.size)
        return results

    def _sample(self, side: int, shorter: int) -> np.ndarray:
        """Pixels of a side that the crop takes, by their centres."""
        resized = int(self.size * side / shorter)
        first = round((resized - self.size) / 2)
        centres = np.arange(first, first + self.size) + 0.5
        return (centres * side / resized).astype(np.int64)


@TRANSFORMS.register_module()
class PackObjectInputs(PackSegInputs):
    """mmseg's ``PackSegInputs``, with the map of objects.

    Args:
        meta_keys: What the sample keeps of the pipeline's results.
    """

    def __init__(
        self,
        meta_keys: tuple[str, ...] = (
            'img_path',
            'ori_shape',
            'img_shape',
            'map_shape',
        ),
    ) -> None:
        super().__init__(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack image, maps and meta information."""
        packed = super().transform(results)
        if 'gt_instance_map' in results:
            objects = to_tensor(results['gt_instance_map'].astype(np.int64))
            sample = packed['data_samples']
            sample.set_data(dict(gt_instance_map=PixelData(data=objects[None])))
        return packed


def _check_count(count: int, results: dict) -> None:
    if count > _MAX_OBJECTS:
        raise DatasetError(
            f'{results.get("img_path", "an image")} has {count} objects, more than the '
            f'{_MAX_OBJECTS} that a map can tell apart: leave it out'
        )
