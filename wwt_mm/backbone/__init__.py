"""The What-Where Transformer: a backbone that keeps *what* and *where* apart."""

from .block import MutualAttention, WhatWhereBlock
from .slot_masks import SlotMasks, Slots
from .what_where_transformer import WhatWhereTransformer

__all__ = [
    'MutualAttention',
    'SlotMasks',
    'Slots',
    'WhatWhereBlock',
    'WhatWhereTransformer',
]
