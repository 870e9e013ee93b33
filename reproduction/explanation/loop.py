"""A test loop that classifies each image twice: whole, and where it is explained."""

from collections.abc import Sequence

import torch
from mmengine.runner import TestLoop, autocast
from mmpretrain.registry import LOOPS
from mmpretrain.structures import DataSample

from wwt_mm.errors import one_of
from wwt_mm.guards.dataset_fit_hook import unwrap

from .methods import METHODS, hide_unimportant, suitable_methods


@LOOPS.register_module()
class ExplanationTestLoop(TestLoop):
    """mmengine's test loop, for an accuracy and :class:`ExplanationMetric` in one pass.

    Args:
        *args: As for ``TestLoop``.
        method: How predictions are explained, one of
            :data:`.METHODS`; ``None`` takes the
            first that suits the backbone.
        blank: What hidden pixels become, ``'mean'`` or ``'black'``.
        **kwargs: As for ``TestLoop``.
    """

    def __init__(
        self, *args, method: str | None = None, blank: str = 'mean', **kwargs
    ) -> None:
        super().__init__(*args, **kwargs)
        self.classifier = unwrap(self.runner.model)
        self.suitable = suitable_methods(self.classifier)
        self.method = one_of('method', method or self.suitable[0], METHODS)
        self.blank = blank

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Sequence[dict]) -> None:
        """Classify and explain one batch."""
        call_hook = self.runner.call_hook
        call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        with autocast(enabled=self.fp16):
            outputs = self.explain(data_batch)
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        call_hook(
            'after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )

    def explain(self, data_batch: Sequence[dict]) -> list[DataSample]:
        """Predictions, with ``confidence`` and ``explained_confidence``.

        Both are probabilities of the class predicted for the whole image.
        """
        data = self.classifier.data_preprocessor(data_batch, training=False)
        inputs = data['inputs']
        logits, maps = METHODS[self.method](self.classifier, inputs)
        scores = logits.softmax(-1)
        confidence, labels = scores.max(1)
        seen = hide_unimportant(self.classifier, inputs, maps, self.blank)
        explained_scores = self.classifier(seen, mode='tensor').softmax(-1)
        explained = explained_scores.gather(1, labels[:, None])[:, 0]

        rows = zip(
            data['data_samples'],
            scores,
            labels,
            confidence.tolist(),
            explained.tolist(),
            strict=True,
        )
        for sample, score, label, whole, part in rows:
            sample.set_pred_score(score).set_pred_label(label)
            sample.set_field(whole, 'confidence', dtype=float)
            sample.set_field(part, 'explained_confidence', dtype=float)
        return data['data_samples']
