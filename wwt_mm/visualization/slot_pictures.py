"""Pictures of slots and masks: where each slot looks, and what was detected there."""

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import colormaps
from torch import Tensor


def slot_colors(count: int) -> np.ndarray:
    """Distinct colours.

    Args:
        count: How many.

    Returns:
        ``(count, 3)`` RGB in [0, 1]; repeated after 20.
    """
    return np.asarray(colormaps['tab20'].colors)[np.arange(count) % 20]


def normalise_masks(masks: Tensor) -> Tensor:
    """Stretch each mask to [0, 1] over its own range.

    Args:
        masks: ``(..., h, w)``, raw logits.

    Returns:
        The same shape; a constant mask becomes zero.
    """
    low = masks.amin((-2, -1), keepdim=True)
    spread = masks.amax((-2, -1), keepdim=True) - low
    return (masks - low) / spread.clamp(min=1e-6)


def token_weights(masks: Tensor) -> Tensor:
    """How much a slot reads of each token, as a share of the most: ``exp(m - max m)``.

    That is the softmax over tokens, as in eq. (3), without its sum, so that the
    strongest token is 1 however large the mask is.

    Args:
        masks: ``(..., h, w)``, raw logits.

    Returns:
        The same shape, in (0, 1].
    """
    return (masks - masks.amax((-2, -1), keepdim=True)).exp()


def overlay_masks(
    image: np.ndarray, masks: Tensor, colors: np.ndarray, strength: float = 0.75
) -> np.ndarray:
    """Paint masks over an image, each in its colour, the strongest on top.

    Args:
        image: ``(H, W, 3)`` RGB uint8.
        masks: ``(K, h, w)`` raw logits of one image, without padding.
        colors: ``(K, 3)`` RGB in [0, 1].
        strength: Opacity where a mask is highest.

    Returns:
        ``(H, W, 3)`` RGB uint8.
    """
    if not len(masks):
        return image
    size = image.shape[:2]
    maps = normalise_masks(masks.float())
    maps = F.interpolate(maps[None], size, mode='bilinear', align_corners=False)[0]
    peak, owner = maps.max(0)
    # Square, so that the background of a mask does not tint the image.
    opacity = strength * peak.square().unsqueeze(-1).cpu().numpy()
    paint = 255 * colors[owner.cpu().numpy()]
    return (image * (1 - opacity) + paint * opacity).round().astype(np.uint8)


def segment_by_slots(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Give each pixel to the slot whose mask is highest there.

    Args:
        masks: ``(K, h, w)`` raw logits.
        size: Height and width in pixels.

    Returns:
        ``size`` int64 indices of slots.
    """
    maps = F.interpolate(masks.float()[None], size, mode='bilinear')
    return torch.argmax(maps[0], dim=0)
