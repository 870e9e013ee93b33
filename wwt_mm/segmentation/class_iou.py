"""IoU of each class, in the results of a test and not only in its log."""

import torch
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS


@METRICS.register_module()
class ClassIoUMetric(IoUMetric):
    """mmseg's ``IoUMetric``, and ``IoU.NAME`` in per cent for each class."""

    def compute_metrics(self, results: list) -> dict[str, float]:
        """See mmseg's ``IoUMetric``; NaN for a class that does not occur."""
        metrics = super().compute_metrics(results)
        assert self.dataset_meta is not None  # the evaluator has set it
        areas = list(zip(*results))[:2]
        intersection, union = (sum(each, torch.zeros(())) for each in areas)
        ious = (100 * intersection / union).tolist()
        return metrics | {
            f'IoU.{name}': iou
            for name, iou in zip(self.dataset_meta['classes'], ious, strict=True)
        }
