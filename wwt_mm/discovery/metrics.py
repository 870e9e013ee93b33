"""Metrics of class-agnostic boxes: CorLoc, and recall of several objects."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from torchvision.ops import box_area, box_iou

from ..errors import ConfigError, one_of


class _BoxMetric(BaseMetric):
    """Collects overlaps of images that have ground truth; the others are skipped.

    So are images with an object whose box is not smaller than ``max_object_area``.

    A result is the IoU ``(P, G)``, float64, of the ``P`` predictions of an image, by
    falling score, with its ``G`` boxes of ground truth; ``None`` for a skipped image,
    since with several processes mmengine counts results to find those that samplers
    repeat.
    """

    default_prefix: str | None = 'discovery'

    def __init__(
        self,
        iou_thr: float = 0.5,
        max_object_area: float | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 < iou_thr <= 1:
            raise ConfigError(f'iou_thr={iou_thr} must be above 0 and at most 1')
        if max_object_area is not None and not 0 < max_object_area <= 1:
            raise ConfigError(
                f'max_object_area={max_object_area} is a share of the image: it must '
                'be above 0 and at most 1'
            )
        self.iou_thr = iou_thr
        self.max_object_area = max_object_area

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep what a batch contributes; see mmengine's ``BaseMetric``."""
        for sample in data_samples:
            truth = torch.as_tensor(sample['gt_instances']['bboxes']).cpu().double()
            counts = self.counts(truth, sample)
            predicted = sample['pred_instances']
            self.results.append(self.compare(predicted, truth) if counts else None)

    def compare(self, predicted: dict, truth: torch.Tensor) -> np.ndarray:
        """The result of an image that counts."""
        order = predicted['scores'].argsort(descending=True, stable=True)
        return box_iou(predicted['bboxes'][order].cpu().double(), truth).numpy()

    def compute_metrics(self, results: list) -> dict:
        """Summarise images that count; see mmengine's ``BaseMetric``."""
        return self.summarise([result for result in results if result is not None])

    @abstractmethod
    def summarise(self, results: list[np.ndarray]) -> dict:
        """Make numbers of the results of images that count."""

    def counts(self, truth: torch.Tensor, sample: dict) -> bool:
        """Whether an image with boxes ``truth`` (G, 4) is evaluated."""
        if not len(truth) or self.max_object_area is None:
            return bool(len(truth))
        height, width = sample['ori_shape'][:2]
        return bool(box_area(truth).max() < self.max_object_area * height * width)


@METRICS.register_module()
class CorLoc(_BoxMetric):
    """Correct localisation, the metric of single-object discovery, in per cent.

    An image counts as correct if the predicted box, the one with the highest score,
    has an IoU of at least ``iou_thr`` with any ground-truth box. CorLoc is the share
    of correct images, as in LOST (Simeoni et al., 2021). ``corloc_any`` asks for any
    of the predicted boxes instead: what MOST's code (Rambhatla et al., 2023) counts.

    What is ground truth, the dataset says: of VOC every object, truncated and difficult
    ones too, of COCO20k every one but crowds, as LOST has it (docs/discovery.md). What
    it marks as ignored is none and costs nothing. Images without are skipped.

    Args:
        iou_thr: Least IoU of a correct box.
        max_object_area: Images count if the box of every object covers less than this
            share of them; ``None`` counts all. Where objects fill their images, a box
            of the whole image is often correct (not given in the paper).
        **kwargs: As for mmengine's ``BaseMetric``.
    """

    def summarise(self, results: list[np.ndarray]) -> dict[str, float]:
        """Average over images.

        Returns:
            ``corloc`` and ``corloc_any`` in per cent (0 without images), and
            ``num_images``, those with ground truth.
        """
        first = [ious[:1].max(initial=0) >= self.iou_thr for ious in results]
        some = [ious.max(initial=0) >= self.iou_thr for ious in results]
        return dict(
            corloc=_percent(sum(first), len(first)),
            corloc_any=_percent(sum(some), len(some)),
            num_images=float(len(results)),
        )


@METRICS.register_module()
class DiscoveryRecall(_BoxMetric):
    """Recall of multi-object discovery, with the number of predictions it took.

    The share, in per cent, of all ground-truth boxes of the dataset that a prediction
    of the same image overlaps with an IoU of at least ``iou_thr``. Nothing penalises a
    prediction without an object, so recall is to be read with ``num_predictions``,
    their mean per image, as in Table 4 of the paper. Which objects and images count is
    as for :class:`CorLoc`; MOST's evaluation takes the same boxes as LOST's.

    Args:
        matching: ``'any'``: a prediction may cover several objects; ``'one_to_one'``:
            at most one (the best possible assignment). Not given in the paper; at an
            IoU of 0.5 the two differ only for objects of nearly the same box.
        **kwargs: As for :class:`CorLoc`.
    """

    def __init__(self, matching: str = 'any', **kwargs) -> None:
        super().__init__(**kwargs)
        self.matching = one_of('matching', matching, ('any', 'one_to_one'))

    def summarise(self, results: list[np.ndarray]) -> dict[str, float]:
        """Pool objects over images.

        Returns:
            ``recall`` in per cent (0 without objects), ``num_predictions`` per image,
            and ``num_objects``.
        """
        found = sum(self._count_found(ious >= self.iou_thr) for ious in results)
        objects = sum(ious.shape[1] for ious in results)
        predictions = sum(len(ious) for ious in results)
        return dict(
            recall=_percent(found, objects),
            num_predictions=predictions / max(len(results), 1),
            num_objects=float(objects),
        )

    def _count_found(self, overlaps: np.ndarray) -> int:
        if self.matching == 'any':
            return int(overlaps.any(0).sum())
        matched = maximum_bipartite_matching(csr_array(overlaps), perm_type='row')
        return int((matched >= 0).sum())


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / max(whole, 1)
