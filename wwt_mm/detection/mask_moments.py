"""Centroid and spread of soft masks: the mask-weighted coordinates of sec. 3.2 (d)."""

import torch
from torch import Tensor


def coordinate_moments(weights: Tensor, extents: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of the coordinates that normalised masks are spread over.

    Pooling coordinate channels (CoordConv) with a mask gives the mean; pooling their
    squares gives ``variance + mean ** 2``. Both need the mask's marginals only.
    Computed in float32, whatever autocast says: half precision would move boxes by
    pixels.

    Args:
        weights: ``(B, ..., h, w)``, each map summing to one.
        extents: ``(B, 2)``, width and height of each image in tokens, not counting
            padding; need not be whole.

    Returns:
        Means and variances ``(B, ..., 2)`` of x and y, as fractions of the image's
        width and height. The centre of token ``j`` lies at ``(j + 0.5) / extent``.
    """
    height, width = weights.shape[-2:]
    weights = weights.float()
    x, x_variance = _moments(weights.sum(-2), width)
    y, y_variance = _moments(weights.sum(-1), height)
    extents = extents.view(-1, *[1] * (weights.dim() - 3), 2).to(weights)
    means = torch.stack((x, y), -1) / extents
    variances = torch.stack((x_variance, y_variance), -1) / extents.square()
    return means, variances


def boxes_around(means: Tensor, variances: Tensor, extents: Tensor) -> Tensor:
    """Boxes that would have these moments if they were filled evenly.

    An interval of length ``l`` has variance ``l ** 2 / 12``. Made of whole tokens of
    length ``t``, the variance of their centres is ``(l ** 2 - t ** 2) / 12``, hence
    the ``t ** 2`` below: a mask that is constant on a rectangle of tokens and zero
    elsewhere gives exactly that rectangle. Not given in the paper.

    Args:
        means: ``(B, K, 2)``, see :func:`coordinate_moments`.
        variances: ``(B, K, 2)``, likewise.
        extents: ``(B, 2)``, likewise.

    Returns:
        ``(B, K, 4)``: centre x, centre y, width, height as fractions of the image.
    """
    token = extents.to(means).reciprocal().unsqueeze(1)
    return torch.cat((means, (12 * variances + token.square()).sqrt()), dim=-1)


def _moments(marginal: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Mean and variance, in tokens, under a marginal ``(..., length)``."""
    centres = torch.arange(length, device=marginal.device) + 0.5
    mean = (marginal * centres).sum(-1)
    variance = (marginal * (centres - mean.unsqueeze(-1)).square()).sum(-1)
    return mean, variance
