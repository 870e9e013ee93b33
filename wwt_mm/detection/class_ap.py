"""AP of each class, in the results of a test and not only in its log."""

from mmdet.evaluation import VOCMetric, eval_map
from mmdet.registry import METRICS


@METRICS.register_module()
class ClassAPMetric(VOCMetric):
    """mmdet's ``VOCMetric``, and ``AP50.NAME`` for each class."""

    def compute_metrics(self, results: list) -> dict[str, float]:
        """See mmdet's ``VOCMetric``; 0 for a class that does not occur."""
        metrics = super().compute_metrics(results)
        truths, predictions = zip(*results)
        _, classes = eval_map(
            predictions,
            truths,
            iou_thr=0.5,
            logger='silent',
            eval_mode=self.eval_mode,
            use_legacy_coordinate=True,
        )
        assert self.dataset_meta is not None  # the evaluator has set it
        for name, values in zip(self.dataset_meta['classes'], classes, strict=True):
            metrics[f'AP50.{name}'] = float(values['ap'])
        return metrics
