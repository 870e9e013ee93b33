"""Slots, masks and discovered objects as pictures."""
