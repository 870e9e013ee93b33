"""Classification with mmpretrain: heads, classifier, and maps of what they see."""

from wwt_mm.requirements import require as _require

_require('mmpretrain')

from .autoencoding_head import AutoencodingHead, competitive_features  # noqa: E402
from .class_activation import (  # noqa: E402
    class_activation,
    rectified_masks,
    upsample_to_image,
)
from .deit import DeiT  # noqa: E402
from .self_supervision import AverageSlots, SlotAutoencoder, SlotMethod  # noqa: E402
from .slot_cls_head import SlotClsHead  # noqa: E402
from .vit_attention import (  # noqa: E402
    class_token_attention,
    patch_grid,
    record_attentions,
    rollout,
)
from .wwt_classifier import WWTClassifier  # noqa: E402

__all__ = [
    'AutoencodingHead',
    'AverageSlots',
    'DeiT',
    'SlotAutoencoder',
    'SlotClsHead',
    'SlotMethod',
    'WWTClassifier',
    'class_activation',
    'class_token_attention',
    'competitive_features',
    'patch_grid',
    'record_attentions',
    'rectified_masks',
    'rollout',
    'upsample_to_image',
]
