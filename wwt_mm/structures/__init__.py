"""What is found in an image: made by inference, drawn by visualization."""

from .slot_result import FoundRegions, SlotReading, SlotResult

__all__ = ['FoundRegions', 'SlotReading', 'SlotResult']
