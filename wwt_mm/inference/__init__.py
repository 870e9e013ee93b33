"""Slots, masks, classes and regions of any image, for people."""

from .slot_inferencer import SlotInferencer, SlotResult
from .slot_reader import SlotReader, SlotReading
from .slot_sheet_hook import SlotSheetHook

__all__ = [
    'SlotInferencer',
    'SlotReader',
    'SlotReading',
    'SlotResult',
    'SlotSheetHook',
]
