"""Connected regions of binary masks, and their boxes, without a loop over any of them.

All masks of a batch are stacked and labelled in one call: the structuring element has
no neighbours along the axis of the stack, so regions of different masks never join.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

# Neighbours by the sides, in the same mask.
_WITHIN_MASK = ndimage.generate_binary_structure(3, 1)
_WITHIN_MASK[[0, 2]] = False


class Regions(NamedTuple):
    """What was found in one image: ``R`` regions on a grid of ``h x w`` patches.

    Attributes:
        masks: ``(R, h, w)`` bool, the patches of each region.
        boxes: ``(R, 4)`` int64 x1, y1, x2, y2 in patches, x2 and y2 exclusive.
        scores: ``(R,)`` float64, the higher the more object-like, in falling order.
        sources: ``(R,)`` int64, the mask that each region is a part of: the slot, or
            the attention head. 0 where a method has one mask.
    """

    masks: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    sources: np.ndarray

    @classmethod
    def of_masks(
        cls, masks: np.ndarray, scores: Sequence[float] | None = None
    ) -> 'Regions':
        """Regions whose masks are known, all of one source.

        Args:
            masks: ``(R, h, w)`` bool, none of them empty.
            scores: ``(R,)``; 1 by default.

        Returns:
            The regions, ordered by falling score.
        """
        count = len(masks)
        scores = np.ones(count) if scores is None else np.asarray(scores, np.float64)
        order = np.argsort(-scores, kind='stable')
        masks = masks[order]
        sources = np.zeros(count, np.int64)
        return cls(masks, boxes_of(masks), scores[order], sources)


class LabelledRegions(NamedTuple):
    """The connected regions of a stack of masks, in the order they are met.

    Attributes:
        labels: ``(M, h, w)`` int32: 0, or 1 + index of the region.
        sources: ``(R,)`` int64 index of the mask that holds each region.
        boxes: ``(R, 4)`` int64 x1, y1, x2, y2 in patches, x2 and y2 exclusive.
        areas: ``(R,)`` int64, patches.
        weights: ``(R,)`` float64, sum of what was to be summed.
    """

    labels: np.ndarray
    sources: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    weights: np.ndarray

    def masks(self, index: np.ndarray) -> np.ndarray:
        """The masks ``(len(index), h, w)`` of some of the regions."""
        return self.labels[self.sources[index]] == index[:, None, None] + 1


def connected_regions(binary: np.ndarray, weights: np.ndarray) -> LabelledRegions:
    """Find the regions of every mask of a stack, connected by sides (as in LOST).

    Args:
        binary: ``(M, h, w)`` bool.
        weights: ``(M, h, w)``, summed over each region.

    Returns:
        The regions of all masks.
    """
    labels, count = ndimage.label(binary, structure=_WITHIN_MASK)
    where = np.nonzero(labels)
    regions = labels[where] - 1
    _, rows, columns = where
    sources = np.empty(count, np.int64)
    sources[regions] = where[0]  # the same for all patches of a region
    boxes = np.empty((count, 4), np.int64)
    boxes[:, :2] = max(binary.shape)
    boxes[:, 2:] = 0
    np.minimum.at(boxes[:, 0], regions, columns)
    np.minimum.at(boxes[:, 1], regions, rows)
    np.maximum.at(boxes[:, 2], regions, columns + 1)
    np.maximum.at(boxes[:, 3], regions, rows + 1)
    areas = np.bincount(regions, minlength=count)
    weights = np.bincount(regions, weights[where], minlength=count)
    return LabelledRegions(labels, sources, boxes, areas, weights)


def component_at(binary: np.ndarray, row: int, column: int) -> np.ndarray:
    """The connected region of one mask that holds a given patch.

    Args:
        binary: ``(h, w)`` bool.
        row: Row of the patch.
        column: Column of the patch.

    Returns:
        ``(h, w)`` bool; all ``False`` if the patch itself is.
    """
    labels, _ = ndimage.label(binary)
    label = labels[row, column]
    return labels == label if label else np.zeros_like(binary, bool)


def boxes_of(masks: np.ndarray) -> np.ndarray:
    """Tight boxes ``(R, 4)`` of masks ``(R, h, w)``, none of them empty."""
    columns, rows = masks.any(1), masks.any(2)
    height, width = masks.shape[1:]
    return np.stack(
        [
            columns.argmax(1),
            rows.argmax(1),
            width - columns[:, ::-1].argmax(1),
            height - rows[:, ::-1].argmax(1),
        ],
        axis=1,
    ).astype(np.int64)
