"""mmseg's Mask2Former with queries that begin as slots. Needs mmdet."""

from mmseg.models.decode_heads import Mask2FormerHead
from mmseg.registry import MODELS

from ..detection import QueriesFromSlots


@MODELS.register_module()
class SlotMask2FormerHead(QueriesFromSlots, Mask2FormerHead):
    """mmseg's ``Mask2FormerHead`` with :class:`~wwt_mm.detection.QueriesFromSlots`."""
