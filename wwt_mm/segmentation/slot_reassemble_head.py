"""The segmentation head (paper, Fig. 4 (b)) and its counterpart on patch tokens."""

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..backbone import SlotMasks
from ..errors import ConfigError, one_of
from .reassemble import Reassemble


class _ReassembleHead(BaseDecodeHead):
    """What both heads share: their input, and where their logits lie in the image.

    The backbone pads an image to whole patches below and to the right, so logits cover
    ``stride`` pixels each and may reach beyond the image. mmseg would squeeze them all
    into the image, shifting labels by up to a patch.
    """

    reassemble: Reassemble

    def loss_by_feat(
        self, seg_logits: Tensor, batch_data_samples: Sequence[SegDataSample]
    ) -> dict[str, Tensor]:
        """Compute mmseg's losses at the resolution of the labels."""
        truth = batch_data_samples[0].gt_sem_seg
        assert truth is not None and truth.shape is not None  # loaded for training
        logits = self._to_pixels(seg_logits, truth.shape[-2:])
        return super().loss_by_feat(logits, batch_data_samples)

    def predict_by_feat(
        self, seg_logits: Tensor, batch_img_metas: Sequence[dict]
    ) -> Tensor:
        """Bring logits to the resolution of the image as the backbone saw it."""
        return self._to_pixels(seg_logits, size_of(batch_img_metas[0]))

    def _to_pixels(self, logits: Tensor, size: Sequence[int]) -> Tensor:
        return to_pixels(logits, self.reassemble.stride, size, self.align_corners)

    def _transform_inputs(self, inputs: Sequence[SlotMasks]) -> SlotMasks:
        feature = inputs[self.in_index]
        if not isinstance(feature, SlotMasks):
            raise ConfigError(
                f'{type(self).__name__} reads slots and masks, but '
                f'in_index={self.in_index} is a {type(feature).__name__}: set '
                "out_type='slot_masks' in the backbone's config"
            )
        return feature


def size_of(meta: dict) -> Sequence[int]:
    """Height and width of an image as the backbone saw it."""
    size = meta['img_shape']
    # For a window of sliding-window inference mmseg gives its torch.Size.
    return size if isinstance(size, torch.Size) else meta.get('pad_shape', size)


def to_pixels(
    logits: Tensor, stride: int, size: Sequence[int], align_corners: bool = False
) -> Tensor:
    """``(B, C, h, w)``, where a position is ``stride`` pixels, to ``(B, C, *size)``."""
    logits = resize(
        logits, scale_factor=stride, mode='bilinear', align_corners=align_corners
    )
    return logits[..., : size[0], : size[1]]


@MODELS.register_module()
class SlotReassembleHead(_ReassembleHead):
    """Reassembled masks times per-slot class scores (paper, sec. 3.2 (b)).

    ``logits[c, y, x] = sum_k score[c, k] * mask[k, y, x]``, also with negative masks: a
    competition between slots (softmax) is what the paper adds in its autoencoding head
    only. How heads become one mask per slot, the stride, the normalisation and how
    slots are classified are not given in the paper.

    Losses, samplers, auxiliary heads and all of inference are mmseg's.

    Args:
        in_channels: Channels ``D`` of the slots.
        channels: Hidden width of the per-slot MLP.
        num_slots: Slots ``K`` of the backbone.
        num_heads: Heads ``H`` of the backbone.
        patch_size: Patch size of the backbone in pixels.
        stride: Side in pixels of one position of the reassembled masks.
        mixing: ``'learned'``: each slot's mask is a learned combination of all
            ``H * K`` masks, starting as the mean over heads; ``'mean'``: that mean.
        upsampling: ``'deconv'`` or ``'bilinear'``; see :class:`Reassemble`.
        norm_masks: Whether the masks of a patch, of all heads and slots, are normalised
            (LayerNorm) before they are mixed; ``False`` takes them as they are. Both
            factors of the product start small, and with raw masks training is slow.
        **kwargs: Arguments of mmseg's ``BaseDecodeHead``.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        num_slots: int = 64,
        num_heads: int,
        patch_size: int = 16,
        stride: int = 4,
        mixing: str = 'learned',
        upsampling: str = 'deconv',
        norm_masks: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(in_channels, channels, **kwargs)
        self.mixing = one_of('mixing', mixing, ('learned', 'mean'))
        self.norm_masks = nn.LayerNorm(num_heads * num_slots) if norm_masks else None
        heads = num_heads if mixing == 'learned' else 1
        self.reassemble = Reassemble(
            heads * num_slots,
            num_slots,
            patch_size,
            stride,
            upsampling,
            project=mixing == 'learned',
        )
        self.reassemble.start_as_mean(heads)
        self.slot_mlp = nn.Sequential(nn.Linear(in_channels, channels), nn.GELU())

    def forward(self, inputs: Sequence[SlotMasks]) -> Tensor:
        """Label the image.

        Args:
            inputs: Outputs of the backbone; the one at ``in_index`` is read.

        Returns:
            Logits ``(B, classes, H / stride, W / stride)``, where ``H`` and ``W`` are
            the sides of the image, padded to multiples of the patch size.
        """
        slots, masks, _, _ = self._transform_inputs(inputs)
        masks = self.reassemble(self._mix(masks))  # (B, K, h, w)
        hidden = self.slot_mlp(slots).mT.unsqueeze(3)  # (B, channels, K, 1)
        scores = self.cls_seg(hidden).squeeze(3)  # (B, classes, K)
        return (scores @ masks.flatten(2)).unflatten(2, masks.shape[-2:])

    def _mix(self, masks: Tensor) -> Tensor:
        """Masks ``(B, H, K, h, w)`` to those that are reassembled.

        Returns:
            All of them, ``(B, H * K, h, w)``; or one per slot, their mean over heads.
        """
        heads = masks.shape[1]
        masks = masks.flatten(1, 2)
        if self.norm_masks is not None:
            masks = self.norm_masks(masks.movedim(1, 3)).movedim(3, 1)
        if self.mixing == 'mean':
            masks = masks.unflatten(1, (heads, -1)).mean(1)
        return masks


@MODELS.register_module()
class TokenReassembleHead(_ReassembleHead):
    """The counterpart of Table 6: the same head, on patch tokens.

    Tokens are projected and upsampled as the masks are in
    :class:`SlotReassembleHead`, and then classified one by one. Slots and masks are
    not used. Details are not given in the paper.

    Args:
        in_channels: Channels ``D`` of the tokens.
        channels: Channels of the upsampled map.
        patch_size: Patch size of the backbone in pixels.
        stride: Side in pixels of one position of the upsampled map.
        upsampling: ``'deconv'`` or ``'bilinear'``; see :class:`Reassemble`.
        **kwargs: Arguments of mmseg's ``BaseDecodeHead``.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        patch_size: int = 16,
        stride: int = 4,
        upsampling: str = 'deconv',
        **kwargs,
    ) -> None:
        super().__init__(in_channels, channels, **kwargs)
        # The backbone leaves its tokens as the residual sum they are.
        self.norm_tokens = nn.LayerNorm(in_channels)
        self.reassemble = Reassemble(
            in_channels, channels, patch_size, stride, upsampling
        )
        self.act = nn.GELU()

    def forward(self, inputs: Sequence[SlotMasks]) -> Tensor:
        """Label the image; see :meth:`SlotReassembleHead.forward`."""
        tokens = self._transform_inputs(inputs).tokens  # (B, D, h, w)
        tokens = self.norm_tokens(tokens.movedim(1, 3)).movedim(3, 1)
        return self.cls_seg(self.act(self.reassemble(tokens)))
