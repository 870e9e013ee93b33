"""Regions of masks in the pixels of an image, wherever its model comes from."""

import logging

import numpy as np
from mmengine.logging import print_log
from torch import nn

from ..errors import MissingPackageError
from ..structures import FoundRegions, SlotReading


class RegionFinder:
    """Thresholds masks, finds connected regions and removes duplicates.

    Args:
        method: A :class:`~wwt_mm.discovery.methods.MaskMethod`.
    """

    def __init__(self, method) -> None:
        self.method = method

    @classmethod
    def for_model(
        cls, model: nn.Module, options: dict | None = None
    ) -> 'RegionFinder | None':
        """The method of a discoverer, or else that of discovery with WWT's masks.

        Args:
            model: The model.
            options: Options of ``MaskThreshold``, ``slot_regions`` of a config.

        Returns:
            ``None``, after a warning, where mmdet or mmpretrain is not installed.
        """
        try:
            from ..discovery.methods import MaskMethod, MaskThreshold
        except MissingPackageError as error:
            print_log(f'no regions: {error}', 'current', logging.WARNING)
            return None
        method = getattr(model, 'method', None)
        if not isinstance(method, MaskMethod):
            method = MaskThreshold(**(options or {}))
        return cls(method)

    def __call__(self, reading: SlotReading, size: tuple[int, int]) -> FoundRegions:
        """Find the regions of one image.

        Args:
            reading: Its masks.
            size: Height and width in pixels that boxes are wanted in.
        """
        (regions,) = self.method.find_regions(reading.masks[None])
        grid = np.multiply(reading.masks.shape[1:], reading.coverage)
        height, width = np.divide(size, grid)  # of a patch
        boxes = regions.boxes * [width, height, width, height]
        # The last patches may reach beyond the image.
        boxes = boxes.clip(max=[size[1], size[0]] * 2).astype(np.float32)
        return FoundRegions(boxes, regions.scores, regions.sources, regions.masks)
