"""Metrics of unsupervised segmentation: mean best overlap and adjusted Rand index."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from scipy.stats import entropy
from torch import Tensor


def count_overlaps(
    predicted: Tensor, truth: Tensor, ignore_index: int = 255
) -> np.ndarray:
    """Count the pixels that segments share with labels.

    Args:
        predicted: ``(..., H, W)`` int64, index of the segment.
        truth: The same shape, int64: 0 background, 255 void, else the label.
        ignore_index: Label of pixels that do not count.

    Returns:
        ``(P, 1 + G)`` float64 pixels: a row for each segment, a column for the
        background and for each of the ``G`` labels that are there, void left out.
    """
    predicted, truth = predicted.flatten(), truth.flatten()
    valid = truth != ignore_index
    predicted, truth = predicted[valid], truth[valid]
    if not len(truth):
        return np.zeros((1, 1))
    width = int(truth.max()) + 1
    height = int(predicted.max()) + 1
    counts = torch.bincount(predicted * width + truth, minlength=height * width)
    counts = counts.view(height, width).cpu().double().numpy()
    present = counts.any(0)
    present[0] = True
    return counts[:, present]


class _SegmentationMetric(BaseMetric):
    """Collects the overlaps of each image with its objects and its classes."""

    default_prefix: str | None = 'objects'

    def __init__(self, ignore_index: int = 255, **kwargs) -> None:
        super().__init__(**kwargs)
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of a batch; see mmengine's ``BaseMetric``."""
        for sample in data_samples:
            predicted = sample['pred_sem_seg']['data']
            self.results.append(
                [
                    count_overlaps(
                        predicted,
                        sample[name]['data'].to(predicted.device),
                        self.ignore_index,
                    )
                    for name in ('gt_instance_map', 'gt_sem_seg')
                ]
            )


@METRICS.register_module()
class MeanBestOverlap(_SegmentationMetric):
    """mBO_i and mBO_c, in per cent, as DINOSAUR (Seitzer et al., 2023) evaluates them.

    Each object of the ground truth counts with the largest IoU that any predicted
    segment has with it, several objects possibly with the same segment. The mean is
    taken over the objects of an image, then over images; images without objects do not
    count. For mBO_c, all objects of a class in an image are one. Background is no
    object, void pixels belong neither to segments nor to objects.

    The rules are those of the public evaluation configs of DINOSAUR's authors
    (``object-centric-learning-framework``), which were looked up; sizes, the crop and
    overlapping objects are a matter of the pipeline: :class:`CropObjectMaps` and
    :class:`MasksToObjectMaps`. The paper says no more than the names.

    Args:
        ignore_index: Label of void pixels.
        **kwargs: As for mmengine's ``BaseMetric``.
    """

    def compute_metrics(self, results: list[list[np.ndarray]]) -> dict[str, float]:
        """Average over images.

        Returns:
            ``mBO_i`` and ``mBO_c`` (0 without objects), and ``num_images``, those with
            objects.
        """
        instances, classes = (
            [best_overlap(counts) for counts in kind if counts.shape[1] > 1]
            for kind in zip(*results, strict=True)
        )
        return dict(
            mBO_i=100 * _mean(instances),
            mBO_c=100 * _mean(classes),
            num_images=float(len(instances)),
        )


@METRICS.register_module()
class ForegroundARI(_SegmentationMetric):
    """FG-ARI, in per cent: do the pixels of objects fall into the right groups?

    The adjusted Rand index between segments and objects, over the pixels of objects
    only: what happens to the background plays no role. The mean over images with
    objects.

    Args:
        ignore_index: Label of void pixels.
        **kwargs: As for mmengine's ``BaseMetric``.
    """

    def compute_metrics(self, results: list[list[np.ndarray]]) -> dict[str, float]:
        """Average over images.

        Returns:
            ``FG-ARI`` (0 without objects).
        """
        scores = [
            adjusted_rand_index(counts[:, 1:])
            for counts, _ in results
            if counts.shape[1] > 1
        ]
        return {'FG-ARI': 100 * _mean(scores)}


@METRICS.register_module()
class SlotsInUse(_SegmentationMetric):
    """How many slots share an image, to see slots collapse (not in the paper).

    The exponential of the entropy of their shares of the pixels, each of which is that
    of its largest mask: ``n`` for ``n`` equal shares, little more for stray pixels.
    """

    def compute_metrics(self, results: list[list[np.ndarray]]) -> dict[str, float]:
        """The mean over images, ``slots_in_use``."""
        shares = [counts.sum(1) for counts, _ in results if counts.any()]
        return dict(slots_in_use=_mean([np.exp(entropy(share)) for share in shares]))


def best_overlap(counts: np.ndarray) -> float:
    """Mean over labels of the largest IoU with a segment, of ``(P, 1 + G)`` pixels."""
    shared = counts[:, 1:]
    union = counts.sum(1, keepdims=True) + shared.sum(0) - shared
    return float((shared / union).max(0).mean())


def adjusted_rand_index(counts: np.ndarray) -> float:
    """Agreement of two partitions beyond chance (Hubert and Arabie, 1985).

    Args:
        counts: ``(P, G)`` pixels in segment ``p`` and object ``g``.

    Returns:
        1 for equal partitions, about 0 for independent ones; 1 also where both put
        everything into one part, or each pixel into a part of its own.
    """
    together = _pairs(counts).sum()
    predicted, truth = _pairs(counts.sum(1)).sum(), _pairs(counts.sum(0)).sum()
    total = _pairs(counts.sum())
    expected = predicted * truth / total if total else 0.0
    largest = (predicted + truth) / 2
    if largest == expected:
        return 1.0
    return float((together - expected) / (largest - expected))


def _pairs(count: np.ndarray) -> np.ndarray:
    return count * (count - 1) / 2


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
