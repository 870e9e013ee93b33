"""Regions of masks in the pixels of an image, wherever its model comes from."""

import logging

import torch
from mmengine.logging import print_log
from torch import nn

from ..errors import MissingPackageError
from ..structures import FoundRegions, SlotReading


class RegionFinder:
    """Thresholds masks, finds connected regions and removes duplicates.

    Args:
        method: A :class:`~wwt_mm.discovery.methods.MaskMethod`.
        patch_size: Side of a patch in pixels of the network's input.
    """

    def __init__(self, method, patch_size: int) -> None:
        self.method = method
        self.patch_size = patch_size

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
        return cls(method, model.backbone.patch_size)

    def __call__(self, reading: SlotReading, size: tuple[int, int]) -> FoundRegions:
        """Find the regions of one image.

        Args:
            reading: Its masks.
            size: Height and width in pixels that boxes are wanted in.
        """
        from ..discovery.box_geometry import patches_to_pixels

        (regions,) = self.method.find_regions(reading.masks[None])
        height, width = (
            round(share * patches * self.patch_size)
            for share, patches in zip(
                reading.coverage, reading.masks.shape[1:], strict=True
            )
        )
        boxes = patches_to_pixels(
            torch.from_numpy(regions.boxes),
            (self.patch_size, self.patch_size),
            (height, width),
            (width / size[1], height / size[0]),
            size,
        )
        return FoundRegions(
            boxes.numpy(), regions.scores, regions.sources, regions.masks
        )
