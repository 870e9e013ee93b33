"""Cuts boxes off at the border of their image, on request (``clip_boxes=True``)."""

from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from .class_names import name_type


@TRANSFORMS.register_module()
class ClipBoxes(BaseTransform):
    """Clips the boxes that have just been loaded. They are in pixels of the file."""

    def transform(self, results: dict) -> dict:
        """Clips ``gt_bboxes``, if there are any."""
        if 'gt_bboxes' in results:
            results['gt_bboxes'].clip_(results['ori_shape'])
        return results


def clip_boxes(dataset: dict) -> None:
    """Puts the step behind the one that loads boxes, in the settings of a dataset."""
    steps = list(dataset['pipeline'])
    names = [name_type(step) for step in steps]
    if 'LoadAnnotations' in names and 'ClipBoxes' not in names:
        steps.insert(
            names.index('LoadAnnotations') + 1,
            dict(type='wwt_mm.guards.clip_boxes.ClipBoxes'),
        )
        dataset['pipeline'] = steps
