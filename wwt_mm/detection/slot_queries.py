"""Decoders that people have, with queries that begin as an image's slots."""

# The heads that `QueriesFromSlots` is mixed into are not told to the type checker.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false

from collections.abc import Sequence
from math import log

import torch.nn.functional as F
from mmdet.models.dense_heads import Mask2FormerHead
from mmdet.models.detectors import DETR
from mmdet.registry import MODELS
from torch import Tensor, nn

from ..backbone import SlotMasks
from ..errors import ConfigError


@MODELS.register_module()
class SlotDETR(DETR):
    """DETR, whose decoder begins with projected slots in the place of zeros.

    What tells queries apart, mmdet's ``query_embedding``, is learned as before, one for
    each slot. Needs ``TokensBesideSlots``; not in the paper.

    Args:
        slot_queries: False for mmdet's DETR, with which to compare.
        **kwargs: Arguments of mmdet's ``DETR``.
    """

    def __init__(self, slot_queries: bool = True, **kwargs) -> None:
        self.slot_queries = slot_queries
        super().__init__(**kwargs)

    def _init_layers(self) -> None:
        super()._init_layers()
        self.slot_query = nn.Linear(self.backbone.embed_dims, self.embed_dims)

    def forward_transformer(
        self, img_feats: tuple[Tensor | SlotMasks, ...], batch_data_samples: list = None
    ) -> dict:
        """See mmdet; the decoder's ``query`` is ``(B, K, embed_dims)``."""
        *maps, feat = img_feats
        _check(feat.slots, self.num_queries)
        encoder, decoder = self.pre_transformer(maps, batch_data_samples)
        decoder |= self.pre_decoder(**self.forward_encoder(**encoder))[0]
        if self.slot_queries:
            decoder['query'] = self.slot_query(feat.slots)
        return self.forward_decoder(**decoder)


class QueriesFromSlots:
    """Mixed into a ``Mask2FormerHead``: it begins with an image's slots and masks.

    A query is what mmdet learns for it plus a projected slot, and attends first to
    where that slot's mask, the mean over heads, is large. Needs
    ``TokensBesideSlots``; not in the paper.

    Args:
        slot_channels: Channels ``D`` of the slots.
        slot_queries: Whether slots are added to the queries.
        mask_threshold: Part of its maximum above which a mask is attended to, once a
            softmax over tokens is taken of it; None leaves the first attention to the
            head.
        **kwargs: Arguments of the head.
    """

    def __init__(
        self,
        *,
        slot_channels: int,
        slot_queries: bool = True,
        mask_threshold: float | None = 0.25,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        dims = self.query_feat.embedding_dim
        self.slot_query = nn.Linear(slot_channels, dims)
        self.slot_queries, self.mask_threshold = slot_queries, mask_threshold
        self._start = None

    def forward(
        self, x: Sequence[Tensor | SlotMasks], batch_data_samples: list
    ) -> tuple[list[Tensor], list[Tensor]]:
        """See mmdet's head."""
        *maps, self._start = x
        _check(self._start.slots, self.num_queries)
        return super().forward(maps, batch_data_samples)

    def _forward_head(
        self, decoder_out: Tensor, mask_feature: Tensor, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        start, self._start = self._start, None
        if start is None:  # of a later layer
            return super()._forward_head(decoder_out, mask_feature, size)
        if self.slot_queries:
            # In place, for it is also what mmdet hands to the first layer.
            decoder_out += self.slot_query(start.slots)
        *predictions, attend = super()._forward_head(decoder_out, mask_feature, size)
        if self.mask_threshold is not None:
            attend = self._hide(start.masks.mean(1), size)
        return *predictions, attend

    def _hide(self, masks: Tensor, size: tuple[int, int]) -> Tensor:
        """Masks ``(B, K, h, w)`` to what not to attend to: ``(B * heads, K, N)``."""
        masks = F.interpolate(masks.detach(), size, mode='bilinear').flatten(2)
        hidden = masks < masks.amax(2, keepdim=True) + log(self.mask_threshold)
        return hidden.repeat_interleave(self.num_heads, dim=0)


@MODELS.register_module()
class SlotMask2FormerHead(QueriesFromSlots, Mask2FormerHead):
    """mmdet's ``Mask2FormerHead`` with :class:`QueriesFromSlots`."""


def _check(slots: Tensor, num_queries: int) -> None:
    if slots.shape[1] != num_queries:
        raise ConfigError(
            f'num_queries={num_queries} of the head and num_slots={slots.shape[1]} of '
            'the backbone differ: queries begin as slots, so make them equal'
        )
