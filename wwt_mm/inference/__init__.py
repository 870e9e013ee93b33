"""Slots, masks, classes and regions of any image, for people."""

from .slot_hook import SlotVisualizationHook
from .slot_inferencer import SlotInferencer, SlotResult
from .slot_reader import SlotReader, SlotReading

__all__ = [
    'SlotInferencer',
    'SlotReader',
    'SlotReading',
    'SlotResult',
    'SlotVisualizationHook',
]
