"""The threshold between background and object that labels images best."""

from collections.abc import Sequence

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS
from torch import Tensor


@METRICS.register_module()
class ThresholdSearch(BaseMetric):
    """Evaluate a :class:`WeakSegmentor` at many thresholds in one pass.

    Pixels are counted in bins of their score, so that each threshold ``i / steps``
    gets the mIoU that testing with it would give: over background and all classes that
    are present or predicted.

    Meant for annotated *training* images; the threshold that is best on the images
    one reports is an oracle.

    Args:
        steps: Thresholds tried: ``0, 1 / steps, ..., 1``.
        ignore_index: Label of pixels that do not count.
        collect_device: Where processes collect results, ``'cpu'`` or ``'gpu'``.
        prefix: Prefix of the metrics' names.

    Metrics: ``threshold``, the best; ``mIoU``, in percent, with it.
    """

    default_prefix = 'search'

    def __init__(
        self,
        steps: int = 100,
        ignore_index: int = 255,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.steps = steps
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of a batch."""
        assert self.dataset_meta is not None  # the evaluator has set it
        classes = len(self.dataset_meta['classes'])
        for sample in data_samples:
            truth = sample['gt_sem_seg']['data'].flatten()
            valid = truth != self.ignore_index
            counts = self._count(
                sample['pred_score']['data'].flatten()[valid],
                sample['pred_class']['data'].flatten()[valid],
                truth[valid],
                classes,
            )
            # Few classes occur in an image: 0.1 % of the counts are not zero.
            self.results.append(counts.cpu().to_sparse())

    def _count(
        self, score: Tensor, predicted: Tensor, truth: Tensor, classes: int
    ) -> Tensor:
        """Histograms over bins of the score.

        Returns:
            int64 ``(3, classes, steps + 1)``: pixels predicted as a class, those of
            them that are right, and pixels of a class. A pixel in bin ``b`` is
            background at the thresholds from ``b / steps`` on.
        """
        # The first threshold that is no longer exceeded: score <= bin / steps.
        thresholds = torch.arange(self.steps + 1, device=score.device) / self.steps
        bins = torch.bucketize(score, thresholds.to(score.dtype)).clamp(max=self.steps)
        width = self.steps + 1
        right = predicted == truth
        return torch.stack(
            [
                torch.bincount(labels * width + place, minlength=classes * width)
                for labels, place in (
                    (predicted, bins),
                    (predicted[right], bins[right]),
                    (truth, bins),
                )
            ]
        ).unflatten(1, (classes, width))

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        """Find the best threshold over all images."""
        total = torch.zeros(results[0].shape, dtype=torch.int64)
        for counts in results:
            total += counts
        mean_iou = self._mean_iou(total.double())
        best = int(mean_iou.argmax())
        print_log(
            'mIoU by threshold: '
            + ', '.join(
                f'{i / self.steps:.2f}: {100 * mean_iou[i]:.1f}'
                for i in range(0, self.steps + 1, max(self.steps // 10, 1))
            ),
            logger='current',
        )
        return {
            'threshold': best / self.steps,
            'mIoU': round(100 * float(mean_iou[best]), 2),
        }

    def _mean_iou(self, counts: Tensor) -> Tensor:
        """Counts as of :meth:`_count` to the mIoU ``(steps + 1,)`` per threshold."""
        predicted, right, truth = counts
        # Pixels above threshold t are those in bins above t.
        above = [c.flip(1).cumsum(1).flip(1) - c for c in (predicted, right)]
        area, intersection = above
        total = truth.sum(1, keepdim=True)
        # Background: the pixels at or below the threshold, whatever their class.
        area[0] = predicted.sum() - area[1:].sum(0)
        intersection[0] = truth[0].cumsum(0)
        union = area + total - intersection
        # 0 / 0, nan, where a class does not occur.
        return (intersection / union).nanmean(0)
