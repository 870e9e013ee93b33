"""Ways to discover objects without training, all behind one interface."""

from .attention_maps import ClassTokenAttention, Rollout
from .base import DiscoveryMethod, FeatureMethod
from .last import LaSt
from .lost import LOST
from .mask_method import MaskMethod, MaskThreshold
from .most import MOST
from .token_cut import TokenCut
from .trivial import CentreBox, RandomBoxes

__all__ = [
    'LOST',
    'MOST',
    'CentreBox',
    'ClassTokenAttention',
    'DiscoveryMethod',
    'FeatureMethod',
    'LaSt',
    'MaskMethod',
    'MaskThreshold',
    'RandomBoxes',
    'Rollout',
    'TokenCut',
]
