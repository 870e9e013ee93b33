"""Objects are the connected regions of thresholded masks."""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from mmdet.registry import TASK_UTILS
from torch import Tensor, nn
from torchvision.ops import batched_nms

from ...backbone import WhatWhereTransformer
from ...errors import ConfigError, one_of
from ..regions import LabelledRegions, Regions, connected_regions
from ..soft_masks import (
    NORMALISATIONS,
    normalise_masks,
    squared_shares,
    varying_masks,
)
from .base import DiscoveryMethod


class SoftMasks(NamedTuple):
    """Masks of a batch of images.

    Attributes:
        masks: ``(B, K, h, w)`` float.
        padding_mask: ``(B, h, w)`` bool, ``True`` where there is no image, or ``None``.
    """

    masks: Tensor
    padding_mask: Tensor | None = None


class MaskMethod(DiscoveryMethod):
    """Threshold, connected components, removal of duplicates (paper, sec. 3.2 (c)).

    A mask that is the same everywhere has no region.

    Regions are ordered by the Herfindahl index of their mask, the sum of the squared
    shares of the mask's weight that patches have: the paper takes "the region with the
    highest spatial concentration over the mask". Of the regions of one mask, the one
    with the largest part of that sum comes first. All numbers and scalings are not
    given in the paper; docs/discovery.md tells how the defaults were chosen.

    Args:
        normalise: How masks are scaled before the threshold, see
            :func:`~wwt_mm.discovery.normalise_masks`.
        threshold: Patches above it belong to the mask.
        concentration: How masks are scaled before their Herfindahl index is taken; as
            ``normalise``, but neither ``'logits'`` nor ``'mass'``.
        rank: ``'mask'`` scores regions as said, ``'region'`` each with its own part of
            the sum.
        min_area: Fewest patches of a region.
        max_area: Largest share of the image that a region's box may cover.
        duplicate_iou: Of regions whose boxes overlap more than this, only the one with
            the highest score stays.

    Raises:
        ConfigError: If a value is unknown or out of range.
    """

    def __init__(
        self,
        normalise: str = 'softmax_tokens',
        threshold: float = 0.25,
        concentration: str = 'softmax_tokens',
        rank: str = 'mask',
        min_area: int = 2,
        max_area: float = 1.0,
        duplicate_iou: float = 0.9,
    ) -> None:
        self.normalise = one_of('normalise', normalise, NORMALISATIONS)
        self.threshold = threshold
        # The others give no weights to take shares of.
        weights = [each for each in NORMALISATIONS if each not in ('logits', 'mass')]
        self.concentration = one_of('concentration', concentration, weights)
        self.rank = one_of('rank', rank, ('region', 'mask'))
        self.min_area = min_area
        self.max_area = max_area
        self.duplicate_iou = duplicate_iou

    @abstractmethod
    def read_masks(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None
    ) -> SoftMasks:
        """Run the backbone and read its masks; arguments as for the call."""

    def __call__(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None = None
    ) -> list[Regions]:
        """Find objects; see :meth:`DiscoveryMethod.__call__`."""
        return self.find_regions(*self.read_masks(backbone, images, padding_mask))

    def find_regions(
        self, masks: Tensor, padding_mask: Tensor | None = None
    ) -> list[Regions]:
        """Turn masks into regions.

        Args:
            masks: ``(B, K, h, w)`` float.
            padding_mask: ``(B, h, w)`` bool or ``None``.

        Returns:
            The regions of each image.
        """
        batch, count, height, width = masks.shape
        binary = normalise_masks(masks, self.normalise, padding_mask) > self.threshold
        binary &= varying_masks(masks, padding_mask)[..., None, None]
        weights = normalise_masks(masks, self.concentration, padding_mask)
        shares = squared_shares(weights)
        regions = connected_regions(
            binary.flatten(0, 1).cpu().numpy(),
            shares.flatten(0, 1).double().cpu().numpy(),
        )
        if self.rank == 'mask':
            index = shares.sum((2, 3)).flatten().double().cpu().numpy()
            scores = index[regions.sources]
        else:
            scores = regions.weights
        images, slots = np.divmod(regions.sources, count)
        sizes = np.full(batch, height * width)
        if padding_mask is not None:
            sizes = (~padding_mask).sum((1, 2)).cpu().numpy()
        index = self._select(regions, scores, images, sizes)
        ends = np.searchsorted(images[index], np.arange(1, batch))
        return [
            Regions(regions.masks(part), regions.boxes[part], scores[part], slots[part])
            for part in np.split(index, ends)
        ]

    def _select(
        self,
        regions: LabelledRegions,
        scores: np.ndarray,
        images: np.ndarray,
        sizes: np.ndarray,
    ) -> np.ndarray:
        """Those that stay, by image (of ``sizes`` patches) and falling score."""
        sides = regions.boxes[:, 2:] - regions.boxes[:, :2]
        keep = regions.areas >= self.min_area
        keep &= sides.prod(1) <= self.max_area * sizes[images]
        index = np.flatnonzero(keep)
        # The largest weight first among equals, which NMS would leave to chance.
        order = np.lexsort((-regions.weights[index], -scores[index], images[index]))
        index = index[order]
        kept = batched_nms(
            torch.from_numpy(regions.boxes[index]).double(),
            -torch.arange(len(index), dtype=torch.float64),
            torch.from_numpy(images[index]),
            self.duplicate_iou,
        )
        return index[np.sort(kept.numpy())]


@TASK_UTILS.register_module()
class MaskThreshold(MaskMethod):
    """Discovery with the masks of a What-Where Transformer.

    Args:
        heads: ``'mean'`` or ``'sum'`` for one mask per slot, ``'each'`` for one per
            head and slot. Mean and sum differ where masks go through a softmax.
        **kwargs: As for :class:`MaskMethod`.
    """

    def __init__(self, heads: str = 'mean', **kwargs) -> None:
        super().__init__(**kwargs)
        self.heads = one_of('heads', heads, ('mean', 'sum', 'each'))

    def read_masks(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None
    ) -> SoftMasks:
        """The masks of the last block; see :meth:`MaskMethod.read_masks`.

        Raises:
            ConfigError: If the backbone has no masks.
        """
        if (
            not isinstance(backbone, WhatWhereTransformer)
            or backbone.out_type != 'slot_masks'
        ):
            raise ConfigError(
                'MaskThreshold reads the masks of a WhatWhereTransformer with '
                "out_type='slot_masks'; for a VisionTransformer use, for instance, "
                'ClassTokenAttention or LOST'
            )
        output = backbone(images, padding_mask)[-1]
        return SoftMasks(merge_heads(output.masks, self.heads), output.padding_mask)


def merge_heads(masks: Tensor, heads: str) -> Tensor:
    """Masks ``(B, H, K, h, w)`` to ``(B, K, h, w)`` or ``(B, K * H, h, w)``.

    With ``'each'``, the heads of one slot follow one another.
    """
    if heads != 'each':
        return masks.mean(1) if heads == 'mean' else masks.sum(1)
    return masks.transpose(1, 2).flatten(1, 2)
