"""WWT-DET's head: classes from slots, boxes from what their masks cover."""

import torch
from mmdet.models.layers import inverse_sigmoid
from mmdet.registry import MODELS
from torch import Tensor, nn

from ..backbone import SlotMasks
from ..errors import ConfigError, one_of
from .mask_moments import boxes_around, coordinate_moments
from .query_bbox_head import QueryBBoxHead

# Box references keep this distance from 0 and 1. Without it, the slope of the logit at
# the width of a mask that fills the image is what gradients explode by.
_MARGIN = 0.02


@MODELS.register_module()
class MaskPoolBBoxHead(QueryBBoxHead):
    """Detection head of the paper (sec. 3.2 (d), Fig. 4 (d)).

    Each slot is classified. Its mask, a softmax over tokens, pools tokens and
    coordinates, and an MLP turns what was pooled into a box.

    Args:
        num_classes: Classes without background.
        embed_dims: Channels ``D`` of slots and tokens.
        num_heads: Heads ``H`` of the backbone.
        pool: ``'per_head'``: pool with each head's mask and concatenate;
            ``'head_mean'``: pool once, with the mean mask. Not given in the paper.
        box_reference: ``'none'``: the MLP's output is the box (paper);
            ``'mask_moments'``: it corrects the box around the mask's centroid and
            spread (ours). See ``docs/detection.md`` for what that changes.
        temperature: What masks are divided by before the softmax over tokens. Not
            given in the paper.
        norm_pooled: Whether pooled tokens go through a LayerNorm before the MLP. Not
            given in the paper.
        **kwargs: Arguments of :class:`QueryBBoxHead`.

    Raises:
        ConfigError: If a value is unknown or out of range.
    """

    def __init__(
        self,
        num_classes: int,
        embed_dims: int,
        num_heads: int,
        pool: str = 'per_head',
        box_reference: str = 'none',
        temperature: float = 1.0,
        norm_pooled: bool = True,
        **kwargs,
    ) -> None:
        if temperature <= 0:
            raise ConfigError(f'temperature={temperature} must be positive')
        self.pool = one_of('pool', pool, ('per_head', 'head_mean'))
        references = ('none', 'mask_moments')
        self.box_reference = one_of('box_reference', box_reference, references)
        maps = num_heads if pool == 'per_head' else 1
        super().__init__(num_classes, embed_dims, maps * (embed_dims + 2), **kwargs)
        self.norm_pooled = nn.LayerNorm(embed_dims) if norm_pooled else nn.Identity()
        self.temperature = temperature

    def _init_layers(self) -> None:
        super()._init_layers()
        if self.box_reference == 'mask_moments':
            # Begin with the box around the mask as it is.
            nn.init.zeros_(self.fc_reg.weight)
            nn.init.zeros_(self.fc_reg.bias)

    def forward(
        self, feats: tuple[SlotMasks, ...], img_metas: list[dict] | None = None
    ) -> tuple[Tensor, Tensor]:
        """See :meth:`QueryBBoxHead.forward`; there is one query per slot."""
        feat = self._last(feats)
        extents = self._extents(feat, img_metas)
        per_head = self.pool == 'per_head'
        masks = feat.masks if per_head else feat.masks.mean(1, keepdim=True)
        weights = self._over_tokens(masks, feat.padding_mask)
        pooled = self._pool(weights, feat.tokens, extents)  # (B, K, box_dims)
        # Boxes are of pixels: half precision would round them by several.
        deltas = self.fc_reg(self.reg_mlp(pooled)).float()  # (B, K, 4)
        if self.box_reference == 'mask_moments':
            if per_head:
                mean = feat.masks.mean(1, keepdim=True)
                weights = self._over_tokens(mean, feat.padding_mask)
            reference = boxes_around(
                *coordinate_moments(weights[:, 0], extents), extents
            )
            deltas = deltas + inverse_sigmoid(reference, eps=_MARGIN)
        return self.slot_logits(feats).unsqueeze(0), deltas.sigmoid().unsqueeze(0)

    def slot_logits(self, feats: tuple[SlotMasks, ...]) -> Tensor:
        """Class logits ``(B, K, C + 1)`` of each slot, background last."""
        return self.fc_cls(self._last(feats).slots).float()

    def _over_tokens(self, masks: Tensor, padding: Tensor | None) -> Tensor:
        """Softmax over the tokens of an image, ``(B, H, K, h, w)`` to the same."""
        masks = masks / self.temperature
        if padding is not None:
            masks = masks.masked_fill(padding[:, None, None], -torch.inf)
        return masks.flatten(3).softmax(-1).view_as(masks)

    def _pool(self, weights: Tensor, tokens: Tensor, extents: Tensor) -> Tensor:
        """Pool tokens and coordinates: ``(B, H, K, h, w)`` to ``(B, K, box_dims)``."""
        # One product: broadcasting over heads would copy the tokens for each.
        by_head = weights.flatten(3).flatten(1, 2) @ tokens.flatten(2).mT
        by_head = by_head.unflatten(1, weights.shape[1:3])  # (B, H, K, D)
        means, _ = coordinate_moments(weights, extents)
        parts = self.norm_pooled(by_head), means.to(by_head.dtype)
        return torch.cat(parts, -1).transpose(1, 2).flatten(2)
