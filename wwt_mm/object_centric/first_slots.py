"""The slots and masks of a What-Where Transformer as objects: no further module."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor

from ..backbone import SlotMasks
from ..errors import ConfigError
from .objects import ObjectSlots


@MODELS.register_module()
class FirstSlots(BaseModule):
    """Keep the first slot-mask pairs, which compete by a softmax over their masks.

    "Reconstruction was applied only to the first six or seven slot-mask pairs, while
    the remaining slots were discarded" (sec. 4). The softmax "along the slot axis" is
    that of the autoencoding head (sec. 3.2); that it runs over the kept slots only is
    not given in the paper, but follows from discarding the others. No gradient reaches
    the discarded slots and masks of the last block; those of earlier blocks still serve
    the kept ones, through the tokens.

    Args:
        num_slots: How many; 6 for VOC, 7 for COCO in the paper. ``None`` keeps all.
    """

    def __init__(self, num_slots: int | None = 6) -> None:
        super().__init__()
        if num_slots is not None and num_slots < 2:
            raise ConfigError(f'num_slots={num_slots}: at least 2 slots can compete')
        self.num_slots = num_slots

    def forward(self, feats: Sequence[SlotMasks] | Tensor) -> ObjectSlots:
        """Select slots.

        Args:
            feats: Output of the backbone with ``out_type='slot_masks'``.

        Returns:
            The kept slots of the last block, and their masks' mean over heads after
            the softmax.

        Raises:
            ConfigError: If the backbone gives something else, or has too few slots.
        """
        if not isinstance(feats, Sequence) or not isinstance(feats[-1], SlotMasks):
            raise ConfigError(
                'FirstSlots needs model.backbone to be a WhatWhereTransformer with '
                "out_type='slot_masks'; for other features use SlotAttention"
            )
        slots, masks = feats[-1].slots, feats[-1].masks
        count = self.num_slots or slots.shape[1]
        if slots.shape[1] < count:
            raise ConfigError(
                f'grouping.num_slots={count} exceeds the {slots.shape[1]} slots of the '
                'backbone: lower it'
            )
        return ObjectSlots(slots[:, :count], masks[:, :, :count].mean(1).softmax(1))
