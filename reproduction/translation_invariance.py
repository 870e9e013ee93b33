"""Do slots stay the same while what they hold moves? The analysis of Fig. 7.

A pattern is put at several places of a background. Its tokens are those it covers; its
slot is the one whose mask fits it best. Each is compared with itself at the first
place.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from wwt_mm.backbone import SlotMasks, WhatWhereTransformer
from wwt_mm.errors import ConfigError


class Invariance(NamedTuple):
    """Cosine similarities to the first of ``P`` places.

    Attributes:
        slots: ``(P,)``, of the pattern's slot.
        tokens: ``(P,)``, of the pattern's tokens, each to its counterpart; their mean.
        other_slots: Of the pattern's slot to the other slots of the first image: what
            a slot that has nothing to do with the pattern would reach.
        other_tokens: Of the pattern's tokens to the background's in the first image.
    """

    slots: Tensor
    tokens: Tensor
    other_slots: Tensor
    other_tokens: Tensor


def place_pattern(
    pattern: Tensor, background: Tensor, corners: Sequence[tuple[int, int]]
) -> Tensor:
    """Images with a pattern at several places.

    Args:
        pattern: ``(4, h, w)``: channels of the image, and how much it covers, 0 to 1.
        background: ``(3, H, W)``.
        corners: Row and column of the pattern's upper left pixel, ``P`` times.

    Returns:
        ``(P, 3, H, W)``.
    """
    (height, width), (colour, alpha) = pattern.shape[1:], pattern.split((3, 1))
    images = background.repeat(len(corners), 1, 1, 1)
    for image, (top, left) in zip(images, corners, strict=True):
        window = image[:, top : top + height, left : left + width]
        window += alpha * (colour - window)
    return images


def straight_corners(
    image_size: tuple[int, int], side: int, patch_size: int, places: int
) -> list[tuple[int, int]]:
    """Places from the left to the right border, by whole patches, at half the height.

    Whole patches, since otherwise the pattern itself would look different to the model.

    Args:
        image_size: Height and width of the image in pixels.
        side: Side of the pattern in pixels.
        patch_size: Side of a patch in pixels.
        places: How many.

    Raises:
        ConfigError: If the image has no room for so many.
    """
    height, width = image_size
    room = (width - side) // patch_size
    if places < 2 or room < places - 1 or side > height:
        raise ConfigError(
            f'{places} places, whole patches of {patch_size} pixels apart, do not fit: '
            f'a pattern of {side} pixels in an image of {height} x {width} has '
            f'{max(room + 1, 0)}. Ask for 2 or more, or for a smaller pattern'
        )
    top = (height - side) // 2 // patch_size * patch_size
    columns = torch.linspace(0, room, places).round().int().tolist()
    return [(top, column * patch_size) for column in columns]


def measure_invariance(
    backbone: WhatWhereTransformer,
    images: Tensor,
    corners: Sequence[tuple[int, int]],
    side: int,
) -> Invariance:
    """Compare a pattern's slot and tokens over its places.

    Args:
        backbone: With ``out_type='slot_masks'``; its last output is examined.
        images: Normalised images of :func:`place_pattern`, ``(P, 3, H, W)``.
        corners: Their corners, multiples of the patch size.
        side: Side of the pattern in pixels, a multiple of the patch size.
    """
    output: SlotMasks = backbone(images)[-1]
    covered = _covered_tokens(output.masks.shape[-2:], corners, side, backbone)
    best = best_slots(output.masks, covered)
    slots = output.slots[torch.arange(len(images), device=best.device), best]
    tokens = output.tokens.flatten(2).mT  # (P, N, D)
    own = tokens[covered].view(len(images), -1, tokens.shape[-1])  # (P, n, D)
    others = tokens[0, ~covered[0]]

    to_all_slots = F.cosine_similarity(slots[0], output.slots[0], dim=-1)
    count = len(to_all_slots)
    return Invariance(
        slots=F.cosine_similarity(slots, slots[:1], dim=-1),
        tokens=F.cosine_similarity(own, own[:1], dim=-1).mean(1),
        other_slots=(to_all_slots.sum() - 1) / max(count - 1, 1),
        other_tokens=F.cosine_similarity(own[0, :, None], others, dim=-1).mean(),
    )


def best_slots(masks: Tensor, covered: Tensor) -> Tensor:
    """The slot of each image whose mask overlaps most with the covered tokens.

    Args:
        masks: ``(B, H, K, h, w)``. The mean over heads is scaled to [0, 1] for each
            slot; overlap is the soft intersection over union.
        covered: ``(B, h * w)`` bool.

    Returns:
        ``(B,)`` indices of slots.
    """
    masks = masks.mean(1).flatten(2)  # (B, K, N)
    low, high = masks.amin(2, True), masks.amax(2, True)
    masks = (masks - low) / (high - low).clamp(min=1e-12)
    region = covered[:, None].to(masks.dtype)
    intersection = torch.minimum(masks, region).sum(2)
    union = torch.maximum(masks, region).sum(2)
    return (intersection / union).argmax(1)


def _covered_tokens(
    grid: tuple[int, int],
    corners: Sequence[tuple[int, int]],
    side: int,
    backbone: WhatWhereTransformer,
) -> Tensor:
    """``(P, h * w)`` bool: tokens of the pattern's square."""
    size = backbone.patch_size
    covered = torch.zeros(len(corners), *grid, dtype=torch.bool)
    for tokens, (top, left) in zip(covered, corners, strict=True):
        rows = slice(top // size, (top + side) // size)
        tokens[rows, left // size : (left + side) // size] = True
    return covered.flatten(1).to(backbone.slots.device)
