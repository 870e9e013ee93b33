"""Slots, masks, classes and regions of one image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class FoundRegions(NamedTuple):
    """Connected regions of the masks of one image, by falling score.

    Attributes:
        boxes: ``(R, 4)`` float32 x1, y1, x2, y2 in pixels of the image.
        scores: ``(R,)`` float64, the concentration of their mask.
        slots: ``(R,)`` int64, the slot that each comes from.
        masks: ``(R, h, w)`` bool, the patches of each.
    """

    boxes: np.ndarray
    scores: np.ndarray
    slots: np.ndarray
    masks: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class SlotReading:
    """What a What-Where Transformer sees in one image.

    ``K`` slots of ``D`` channels, ``C`` classes, a grid of ``h x w`` patches. All
    tensors are float32 and on the CPU.

    Attributes:
        image: ``(H, W, 3)`` uint8 RGB, what the masks lie on.
        slots: What, ``(K, D)``.
        masks: Where, ``(K, h, w)``: raw logits, the mean over heads.
        coverage: Share of the grid's height and width that is image. It is less than
            1 where the sides of the network's input are no multiples of the patch.
        slot_probabilities: Class probabilities of each slot, ``(K, C)``, the last one
            background if the model is a detector; ``None`` without a head on slots.
        probabilities: Class probabilities of the image, ``(C,)``; ``None`` if the model
            is no classifier.
        reconstruction: ``(H', W', 3)`` uint8 RGB, what the autoencoding head makes of
            the slots, in the size of the network's input; ``None`` without one.
    """

    image: np.ndarray
    slots: Tensor
    masks: Tensor
    coverage: tuple[float, float]
    slot_probabilities: Tensor | None = None
    probabilities: Tensor | None = None
    reconstruction: np.ndarray | None = None

    def class_activation(self, class_index: int) -> Tensor:
        """Where the evidence for a class lies, ``(h, w)``, at least 0: eq. (8)."""
        scores = self.slot_probabilities[:, class_index]
        return torch.einsum('k,khw->hw', scores, self.masks.relu())  # (8)

    def to_pixels(self, maps: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Resample maps of patches to pixels, bilinearly.

        Args:
            maps: ``(n, h, w)``.
            size: Height and width in pixels; those of ``image`` by default.

        Returns:
            ``(n, height, width)``.
        """
        size = tuple(size or self.image.shape[:2])
        # Patches may reach beyond the image, and so do the maps until they are cut.
        canvas = [
            max(round(side / share), side)
            for side, share in zip(size, self.coverage, strict=True)
        ]
        pixels = F.interpolate(maps[None].float(), canvas, mode='bilinear')[0]
        return pixels[:, : size[0], : size[1]]

    def shares(self) -> Tensor:
        """Share of patches ``(K,)`` in which each slot has the highest mask."""
        owners = self.masks.flatten(1).argmax(0)
        counts = torch.bincount(owners, minlength=len(self.masks))
        return counts / owners.numel()


@dataclass(frozen=True, kw_only=True, eq=False)
class SlotResult(SlotReading):
    """What was found in an image: a :class:`SlotReading`, with names and regions.

    ``image`` has the size of the file or, where the config's test pipeline cuts a part
    out, is that part in the size of the network's input.

    Attributes:
        path: The file; ``None`` for an array.
        class_names: Names of the classes.
        regions: Connected regions of the masks (paper, sec. 3.2 (c)); ``None`` where
            mmdet and mmpretrain, which find them, are not installed.
    """

    path: Path | None
    class_names: Sequence[str]
    regions: FoundRegions | None

    @property
    def classes(self) -> list[tuple[str, float]]:
        """Names and probabilities of the image's classes, the best first."""
        if self.probabilities is None:
            return []
        order = self.probabilities.argsort(descending=True)
        values = self.probabilities[order].tolist()
        return [
            (self.class_names[index], value)
            for index, value in zip(order.tolist(), values, strict=True)
        ]

    @property
    def slot_classes(self) -> list[tuple[str, float]]:
        """Name and probability of the best class of each slot."""
        if self.slot_probabilities is None:
            return []
        values, indices = self.slot_probabilities.max(1)
        return [
            (self.class_names[index], value)
            for index, value in zip(indices.tolist(), values.tolist(), strict=True)
        ]
