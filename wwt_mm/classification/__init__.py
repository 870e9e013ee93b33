"""Classification with mmpretrain: heads, classifier, explanations and their metrics."""

from wwt_mm.requirements import require as _require

_require('mmpretrain')

from .autoencoding_head import AutoencodingHead, competitive_features  # noqa: E402
from .slot_cls_head import SlotClsHead  # noqa: E402
from .wwt_classifier import WWTClassifier  # noqa: E402

__all__ = [
    'AutoencodingHead',
    'SlotClsHead',
    'WWTClassifier',
    'competitive_features',
]
