"""Average Drop and Increase in Confidence, Table 1's measures of explanations."""

from collections.abc import Sequence

import torch
from mmengine.evaluator import BaseMetric
from mmpretrain.registry import METRICS
from torch import Tensor


def average_drop(confidence: Tensor, explained: Tensor) -> Tensor:
    """How much of the confidence is lost on average, in percent; lower is better.

    ``mean(max(0, Y - O) / Y) * 100``. An image without any confidence to lose counts
    as zero.

    Args:
        confidence: ``Y``, ``(N,)``: probability of the explained class.
        explained: ``O``, ``(N,)``: the same where only the explanation is seen.

    Returns:
        A scalar.
    """
    lost = (confidence - explained).clamp(min=0)
    return 100 * torch.where(lost > 0, lost / confidence, 0).mean()


def increase_in_confidence(confidence: Tensor, explained: Tensor) -> Tensor:
    """Share of images whose confidence grows, in percent; higher is better.

    Args:
        confidence: ``(N,)``, as for :func:`average_drop`.
        explained: ``(N,)``.

    Returns:
        A scalar.
    """
    return 100 * (explained > confidence).double().mean()


@METRICS.register_module()
class ExplanationMetric(BaseMetric):
    """Drop and Increase as Grad-CAM++ (Chattopadhay et al., 2018) defines them.

    Reads ``confidence`` and ``explained_confidence`` of each data sample, which
    :class:`.ExplanationTestLoop` writes.

    Args: those of mmengine's ``BaseMetric``.
    """

    default_prefix = 'explanation'

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Take the confidences of one batch."""
        pairs = [(s['confidence'], s['explained_confidence']) for s in data_samples]
        self.results += torch.tensor(pairs, dtype=torch.float64).tolist()

    def compute_metrics(self, results: list) -> dict[str, float]:
        """``drop`` and ``increase`` of all images, in percent."""
        confidence, explained = torch.tensor(results, dtype=torch.float64).unbind(1)
        return dict(
            drop=average_drop(confidence, explained).item(),
            increase=increase_in_confidence(confidence, explained).item(),
        )
