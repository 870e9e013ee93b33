"""What a mask is before it is cut: how logits become weights, and how concentrated.

The paper binarises "each mask with a fixed threshold" and takes "the region with the
highest spatial concentration (Herfindahl) over the mask" (sec. 3.2). Masks are logits
that may be negative; how they are scaled for either step is not given in the paper.
"""

import torch
from torch import Tensor

from ..errors import one_of

NORMALISATIONS = (
    'logits',
    'sigmoid',
    'relu',
    'min_max',
    'softmax_slots',
    'softmax_tokens',
    'mass',
)


def normalise_masks(
    masks: Tensor, how: str, padding_mask: Tensor | None = None
) -> Tensor:
    """Scale masks so that one threshold suits them all.

    Args:
        masks: ``(B, K, h, w)``, raw.
        how: One of

            - ``'logits'``: as they are. A threshold of 0 keeps what is positive.
            - ``'sigmoid'``: logistic function of each.
            - ``'relu'``: rectified, as a share of the mask's maximum.
            - ``'min_max'``: from the mask's minimum, 0, to its maximum, 1.
            - ``'softmax_slots'``: competition of masks for each patch.
            - ``'softmax_tokens'``: competition of patches within a mask, as a share of
              the largest: ``exp(m - max m)``.
            - ``'mass'``: the share of the (rectified) mask's sum that lies on patches
              no stronger than this one. A threshold of 0.4 keeps the strongest
              patches that hold 60% of the sum, as is custom with DINO's attention.
        padding_mask: ``(B, h, w)`` bool, ``True`` where there is no image.

    Returns:
        ``(B, K, h, w)`` float. Padding, and masks that are constant where the
        scaling needs a range, are 0 (``'logits'``: padding is ``-inf``).

    Raises:
        ConfigError: If ``how`` is unknown.
    """
    one_of('normalise', how, NORMALISATIONS)
    shape = masks.shape
    masks = masks.flatten(2).float()  # (B, K, N)
    padding = None if padding_mask is None else padding_mask.flatten(1).unsqueeze(1)
    absent = masks if padding is None else masks.masked_fill(padding, -torch.inf)
    if how == 'logits':
        return absent.view(shape)
    if how == 'softmax_slots':
        weights = masks.softmax(1)
    elif how == 'sigmoid':
        weights = masks.sigmoid()
    elif how == 'softmax_tokens':
        weights = (absent - absent.amax(2, keepdim=True)).exp()
    elif how == 'relu':
        weights = absent.relu()
        weights = _share(weights, weights.amax(2, keepdim=True))
    elif how == 'mass':
        weights = _mass_below(absent.relu())
    else:
        present = masks if padding is None else masks.masked_fill(padding, torch.inf)
        low = present.amin(2, keepdim=True)
        weights = _share(masks - low, absent.amax(2, keepdim=True) - low)
    if padding is not None:
        weights = weights.masked_fill(padding, 0)
    return weights.view(shape)


def varying_masks(masks: Tensor, padding_mask: Tensor | None = None) -> Tensor:
    """Tell masks from those that are the same everywhere, and so say nothing.

    Args:
        masks: ``(B, K, h, w)``.
        padding_mask: ``(B, h, w)`` bool, ``True`` where there is no image.

    Returns:
        ``(B, K)`` bool.
    """
    masks = masks.flatten(2)
    lows = highs = masks
    if padding_mask is not None:
        padding = padding_mask.flatten(1).unsqueeze(1)
        lows = masks.masked_fill(padding, torch.inf)
        highs = masks.masked_fill(padding, -torch.inf)
    return highs.amax(2) > lows.amin(2)


def squared_shares(weights: Tensor) -> Tensor:
    """Each patch's part of the concentration of weights over space.

    Their sum, the Herfindahl index (1950), is 1 if one patch has all the weight, and
    ``1 / N`` if ``N`` patches share it equally.

    Args:
        weights: ``(..., h, w)``, not negative.

    Returns:
        ``(..., h, w)``; 0 where all weights are 0.
    """
    return _share(weights, weights.sum((-2, -1), keepdim=True)).square()


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """``part / whole``, 0 where there is no whole."""
    return torch.where(
        whole > 0, part / whole.clamp(min=torch.finfo(part.dtype).tiny), 0
    )


def _mass_below(weights: Tensor) -> Tensor:
    ordered = weights.sort(2).values
    mass = ordered.cumsum(2)
    mass = _share(mass, mass[..., -1:])
    last_equal = torch.searchsorted(ordered, weights, right=True) - 1
    return mass.gather(2, last_equal)
