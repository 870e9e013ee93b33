"""Slots, masks, classes and regions of any image, for people."""

from ..structures import SlotReading, SlotResult
from .slot_inferencer import SlotInferencer
from .slot_reader import SlotReader
from .slot_sheet_hook import SlotSheetHook

__all__ = [
    'SlotInferencer',
    'SlotReader',
    'SlotReading',
    'SlotResult',
    'SlotSheetHook',
]
