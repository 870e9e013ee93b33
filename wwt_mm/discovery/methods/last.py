"""LaSt: patches whose features survive a low-pass filter."""

import torch
from mmdet.registry import TASK_UTILS
from torch import Tensor, nn

from ...errors import ConfigError
from ..features import read_features
from .mask_method import MaskMethod, SoftMasks


@TASK_UTILS.register_module()
class LaSt(MaskMethod):
    """Frequency-stable patches (Shi et al., 2026), thresholded.

    The features of each patch are smoothed along their ``D`` channels: the discrete
    Fourier transform is weighted with a Gaussian around frequency 0. The stability of a
    patch in a channel is its feature over the absolute change that smoothing makes to
    it. In each channel the ``top_k`` most stable patches are selected; Shi et al.
    average these instead of using the class token. All of this, with its widths, is
    what their code does (``cls_pretrain/conf.py`` of ChengShiest/LAST-ViT).

    Here the share of channels that select a patch is its mask value. This way from
    selections to a map (our reading of "thresholded") and the threshold are not given.
    Whether the row of Table 3, "DeiT + LaSt (our reprod.)", trained DeiT anew with that
    selection is not given either: this class reads any ViT, trained so or not.

    Args:
        top_k: Patches selected per channel, at least 1; 1 in the authors' code.
        sigma: Standard deviation of the Gaussian, as a share of the sampling
            frequency, (0, 0.5]. ``None``: the authors', ``D ** -0.5`` (``sqrt(D)``
            steps of the spectrum; 0.051 for 384 channels, 0.036 for 768).
        features: What to read; the output tokens, as Shi et al.
        **kwargs: As for :class:`MaskMethod`.
    """

    def __init__(
        self,
        top_k: int = 1,
        sigma: float | None = None,
        features: str = 'token',
        normalise: str = 'relu',
        threshold: float = 0.3,
        concentration: str = 'relu',
        **kwargs,
    ) -> None:
        super().__init__(normalise, threshold, concentration, **kwargs)
        if top_k < 1 or (sigma is not None and not 0 < sigma <= 0.5):
            raise ConfigError(
                f'LaSt needs top_k of at least 1 and sigma in (0, 0.5], not {top_k} '
                f'and {sigma}'
            )
        self.top_k = top_k
        self.sigma = sigma
        self.features = features

    def read_masks(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None
    ) -> SoftMasks:
        """One mask per image; see :meth:`MaskMethod.read_masks`."""
        features, padding = read_features(backbone, images, padding_mask, self.features)
        stability = self.stability(features.float().flatten(1, 2))
        if padding is not None:
            stability = stability.masked_fill(padding.flatten(1)[..., None], -torch.inf)
        top_k = min(self.top_k, stability.shape[1])
        selected = stability.topk(top_k, dim=1).indices  # (B, k, D)
        votes = torch.zeros_like(stability).scatter_(1, selected, 1)
        masks = votes.mean(2).unflatten(1, features.shape[1:3]).unsqueeze(1)
        return SoftMasks(masks, padding)

    def stability(self, features: Tensor) -> Tensor:
        """Stability of features ``(..., D)`` against smoothing along ``D``."""
        channels = features.shape[-1]
        sigma = channels**0.5 if self.sigma is None else channels * self.sigma
        # Centred beside frequency 0 if there is an even number of channels, as in the
        # authors' code.
        steps = torch.arange(channels).to(features) - (channels - 1) // 2
        weights = torch.fft.ifftshift(torch.exp(-0.5 * (steps / sigma) ** 2))
        smooth = torch.fft.ifft(torch.fft.fft(features) * weights).real
        change = (smooth - features).abs()
        return features / change.clamp(min=torch.finfo(features.dtype).eps)
