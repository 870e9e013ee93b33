"""Datasets that the OpenMMLab libraries lack."""

from .voc_palette import voc_palette

__all__ = ['voc_palette']
