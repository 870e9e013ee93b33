"""WWT-SEG: dense labels from slots and masks (paper, Fig. 4 (b)). Needs mmseg."""

from ..requirements import require

require('mmseg')

from .class_iou import ClassIoUMetric  # noqa: E402
from .eomt_head import EoMTHead  # noqa: E402
from .image_labels import AddImageLabels  # noqa: E402
from .loading import ForegroundLabels, LoadSegMap  # noqa: E402
from .slot_reassemble_head import SlotReassembleHead, TokenReassembleHead  # noqa: E402
from .threshold_search import ThresholdSearch  # noqa: E402
from .weak_segmentor import WeakSegmentor, WeakSlotSegmentor  # noqa: E402
from .wwt_segmentor import WWTSegmentor  # noqa: E402

__all__ = [
    'AddImageLabels',
    'ClassIoUMetric',
    'EoMTHead',
    'ForegroundLabels',
    'LoadSegMap',
    'SlotReassembleHead',
    'ThresholdSearch',
    'TokenReassembleHead',
    'WWTSegmentor',
    'WeakSegmentor',
    'WeakSlotSegmentor',
]
