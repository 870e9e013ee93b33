"""Zero-shot object discovery (paper, Tables 3 and 4). Needs mmdet and mmpretrain."""

from ..requirements import require

require('mmdet', 'mmpretrain')

from ..datasets.coco20k import Coco20kDataset  # noqa: E402
from ..datasets.tiny_imagenet import TinyImageNet  # noqa: E402
from ..datasets.voc_discovery import VOCDiscoveryDataset  # noqa: E402
from .features import PatchFeatures, read_features  # noqa: E402
from .grid_hook import DiscoveryGridHook  # noqa: E402
from .methods import (  # noqa: E402
    LOST,
    MOST,
    CentreBox,
    ClassTokenAttention,
    DiscoveryMethod,
    LaSt,
    MaskThreshold,
    RandomBoxes,
    Rollout,
    TokenCut,
)
from .metrics import CorLoc, DiscoveryRecall  # noqa: E402
from .object_discoverer import ObjectDiscoverer  # noqa: E402
from .regions import Regions, connected_regions  # noqa: E402
from .register_vit import RegisterVisionTransformer  # noqa: E402
from .rule_search import EachRule, RuleSearch  # noqa: E402
from .soft_masks import normalise_masks  # noqa: E402
from .vit_checkpoint_hook import ViTCheckpointHook  # noqa: E402

__all__ = [
    'LOST',
    'MOST',
    'CentreBox',
    'ClassTokenAttention',
    'Coco20kDataset',
    'CorLoc',
    'DiscoveryGridHook',
    'DiscoveryMethod',
    'DiscoveryRecall',
    'EachRule',
    'LaSt',
    'MaskThreshold',
    'ObjectDiscoverer',
    'PatchFeatures',
    'RandomBoxes',
    'RegisterVisionTransformer',
    'Regions',
    'Rollout',
    'RuleSearch',
    'TinyImageNet',
    'TokenCut',
    'VOCDiscoveryDataset',
    'ViTCheckpointHook',
    'connected_regions',
    'normalise_masks',
    'read_features',
]
