"""Regions of masks in the pixels of an image, wherever its model comes from."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from mmengine.logging import print_log
from torch import nn

from ..errors import ConfigError, MissingPackageError
from ..structures import FoundRegions, SlotReading


def region_finder(
    model: nn.Module, options: dict | None = None
) -> Callable[[SlotReading, tuple[int, int]], FoundRegions] | None:
    """Makes what thresholds masks and finds their connected regions.

    Args:
        model: A discoverer, whose method is taken, or another model.
        options: Options of ``MaskThreshold``, ``slot_regions`` of a config.

    Returns:
        A function of a reading and of the height and width in pixels that boxes are
        wanted in; ``None``, after a warning, where mmdet or mmpretrain is not
        installed.
    """
    try:
        from ..discovery.methods import MaskMethod, MaskThreshold
    except MissingPackageError as error:
        print_log(f'no regions: {error}', 'current', logging.WARNING)
        return None
    method = getattr(model, 'method', None)
    if not isinstance(method, MaskMethod):
        try:
            method = MaskThreshold(**(options or {}))
        except TypeError as error:
            raise ConfigError(f'slot_regions of the config: {error}') from error
    return partial(_find_regions, method)


def _find_regions(
    method: Any, reading: SlotReading, size: tuple[int, int]
) -> FoundRegions:
    (regions,) = method.find_regions(reading.masks[None])
    grid = np.multiply(reading.masks.shape[1:], reading.coverage)
    height, width = np.divide(size, grid)  # of a patch
    boxes = regions.boxes * [width, height, width, height]
    # The last patches may reach beyond the image.
    boxes = boxes.clip(max=[size[1], size[0]] * 2).astype(np.float32)
    return FoundRegions(boxes, regions.scores, regions.sources, regions.masks)
