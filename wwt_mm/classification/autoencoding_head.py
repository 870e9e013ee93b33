"""The auxiliary head in which slots compete to explain the image (sec. 3.2)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from wwt_mm.backbone import SlotMasks
from wwt_mm.backbone.initial_weights import init_cfg_of
from wwt_mm.errors import ConfigError, one_of


def competitive_features(output: SlotMasks, heads: str = 'mean') -> Tensor:
    """Dense features by eq. (7), slots competing for each token by a softmax.

    Args:
        output: Slots and masks of one block.
        heads: ``'mean'``: slots compete with their masks' means over heads; ``'each'``:
            in each head for its own channels. See :meth:`SlotMasks.reassemble`.

    Returns:
        ``(B, D, h, w)``, zero where a token is padding.
    """
    masks = output.masks if heads == 'each' else output.masks.mean(1, keepdim=True)
    masks = masks.softmax(2)  # over slots
    features = output._replace(masks=masks).reassemble(heads)  # (7)
    if output.padding_mask is None:
        return features
    return features.masked_fill(output.padding_mask[:, None], 0)


@MODELS.register_module()
class AutoencodingHead(BaseModule):
    """Reconstruct the backbone's input from its slots and masks, in training only.

    A small CNN reads the dense features of :func:`competitive_features`. Its shape is
    not given in the paper; here a 3 x 3 convolution lets neighbouring tokens speak and
    a 1 x 1 convolution writes the pixels of each token's patch.

    Args:
        in_channels: Channels ``D`` of the slots.
        patch_size: Side of the backbone's patches in pixels.
        out_channels: Channels of the image.
        hidden_channels: Channels between the convolutions; ``None`` means
            ``in_channels``.
        loss_weight: Weight of the loss (not given in the paper).
        heads: ``'mean'`` or ``'each'``, of :func:`competitive_features` (not given in
            the paper).
        init_cfg: mmengine initialisation; ``None`` means that of the other heads.
    """

    def __init__(
        self,
        in_channels: int,
        patch_size: int = 16,
        out_channels: int = 3,
        hidden_channels: int | None = None,
        loss_weight: float = 1.0,
        heads: str = 'mean',
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if init_cfg is None:
            init_cfg = init_cfg_of('Conv2d')
        super().__init__(init_cfg)
        self.heads = one_of('autoencoding_head.heads', heads, ('mean', 'each'))
        self.patch_size = patch_size
        self.loss_weight = loss_weight
        hidden_channels = hidden_channels or in_channels
        self.decoder = nn.Sequential(
            nn.Conv2d(in_channels, hidden_channels, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(hidden_channels, out_channels * patch_size**2, 1),
            nn.PixelShuffle(patch_size),
        )

    def forward(
        self, feats: Sequence[SlotMasks], image_size: tuple[int, int]
    ) -> Tensor:
        """Reconstruct images from the last block's slots and masks.

        Args:
            feats: Output of the backbone with ``out_type='slot_masks'``.
            image_size: Height ``H`` and width ``W`` of the backbone's input.

        Returns:
            ``(B, out_channels, H, W)``, in the units of the normalised input.

        Raises:
            ConfigError: If ``patch_size`` is not that of the backbone.
        """
        height, width = image_size
        grid = tuple(feats[-1].masks.shape[-2:])
        expected = (-(-height // self.patch_size), -(-width // self.patch_size))
        if grid != expected:
            raise ConfigError(
                f'autoencoding_head.patch_size={self.patch_size} makes {expected} '
                f'patches of an image of {height} x {width} and the backbone made '
                f"{grid}: set it to the backbone's patch_size"
            )
        images = self.decoder(competitive_features(feats[-1], self.heads))
        return images[..., :height, :width]

    def loss(
        self,
        feats: Sequence[SlotMasks],
        inputs: Tensor,
        padding_mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Mean squared error of the reconstruction, over what is not padding.

        Args:
            feats: Output of the backbone.
            inputs: What the backbone saw, ``(B, C, H, W)``: normalised, mixed.
            padding_mask: ``(B, H, W)`` bool, ``True`` for pixels of padding; ``None``
                takes the backbone's, by whole patches.

        Returns:
            ``loss_autoencoding``, times ``loss_weight``.
        """
        images = self(feats, inputs.shape[-2:])
        if padding_mask is None and feats[-1].padding_mask is not None:
            padding_mask = self._to_pixels(feats[-1].padding_mask, inputs.shape[-2:])
        error = F.mse_loss(images, inputs, reduction='none').mean(1)  # (B, H, W)
        if padding_mask is not None:
            kept = ~padding_mask
            error = torch.where(kept, error, 0).sum() / kept.sum().clamp(min=1)
        return dict(loss_autoencoding=self.loss_weight * error.mean())

    def _to_pixels(self, padding: Tensor, image_size: tuple[int, int]) -> Tensor:
        """``(B, h, w)`` of tokens to ``(B, H, W)`` of pixels."""
        size = self.patch_size
        pixels = padding.repeat_interleave(size, 1).repeat_interleave(size, 2)
        return pixels[:, : image_size[0], : image_size[1]]
