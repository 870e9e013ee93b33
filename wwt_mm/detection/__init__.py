"""WWT-DET: supervised detection on slots and masks (paper, Fig. 4 (d)). Needs mmdet."""

from ..requirements import require

require('mmdet')

from .class_ap import ClassAPMetric  # noqa: E402
from .finite_assigner import FiniteHungarianAssigner  # noqa: E402
from .mask_pool_bbox_head import MaskPoolBBoxHead  # noqa: E402
from .slot_bbox_head import SlotBBoxHead  # noqa: E402
from .slot_queries import (  # noqa: E402
    QueriesFromSlots,
    SlotDETR,
    SlotMask2FormerHead,
)
from .token_bbox_head import TokenBBoxHead  # noqa: E402
from .wwt_detector import WWTDetector  # noqa: E402

__all__ = [
    'ClassAPMetric',
    'FiniteHungarianAssigner',
    'MaskPoolBBoxHead',
    'QueriesFromSlots',
    'SlotBBoxHead',
    'SlotDETR',
    'SlotMask2FormerHead',
    'TokenBBoxHead',
    'WWTDetector',
]
