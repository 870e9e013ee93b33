"""Test-time augmentation of detectors, without compiled ops. Needs mmdet."""

import torch
from mmdet.models.test_time_augs import DetTTAModel
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torchvision.ops import batched_nms


@MODELS.register_module()
class FlippedDetTTAModel(DetTTAModel):
    """mmdet's merging of boxes over views, with torchvision's NMS.

    mmdet merges with ``mmcv.ops.batched_nms``, which the quick install lacks.

    Args:
        iou_threshold: Boxes of one class that overlap more than this are one object.
        max_per_img: How many boxes to keep per image.
    """

    def __init__(
        self, iou_threshold: float = 0.5, max_per_img: int = 100, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.iou_threshold = iou_threshold
        self.max_per_img = max_per_img

    def _merge_single_sample(self, data_samples: list[DetDataSample]) -> DetDataSample:
        views = [sample.pred_instances for sample in data_samples]
        boxes, scores = self.merge_aug_bboxes(
            [view.bboxes for view in views],
            [view.scores for view in views],
            [sample.metainfo for sample in data_samples],
        )
        labels = torch.cat([view.labels for view in views])
        kept = batched_nms(boxes, scores, labels, self.iou_threshold)
        kept = kept[: self.max_per_img]
        merged = data_samples[0]
        merged.pred_instances = InstanceData(
            bboxes=boxes[kept], scores=scores[kept], labels=labels[kept]
        )
        return merged
