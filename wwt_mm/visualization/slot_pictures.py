"""What pictures of slots have in common: colours, and masks as weights."""

import cv2
import numpy as np
from matplotlib import colormaps
from torch import Tensor


def encode_png(picture: np.ndarray) -> bytes:
    """``(H, W, 3)`` uint8 RGB to the bytes of a PNG file."""
    return cv2.imencode('.png', picture[..., ::-1])[1].tobytes()


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
