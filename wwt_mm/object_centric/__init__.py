"""Unsupervised object-centric learning (paper, Table 5): WWT-OCL and its baselines.

Needs mmdet (COCO), mmseg (data and tools) and mmpretrain (encoders and teachers).
"""

from ..requirements import require

require('mmdet', 'mmpretrain', 'mmseg')

from ..datasets.object_masks import ObjectMasksDataset  # noqa: E402
from .autoregressive_decoder import AutoregressiveDecoder  # noqa: E402
from .broadcast_decoder import BroadcastDecoder  # noqa: E402
from .cnn_decoder import CNNDecoder  # noqa: E402
from .discrete_vae import DiscreteVAE  # noqa: E402
from .feature_teacher import FeatureTeacher  # noqa: E402
from .first_slots import FirstSlots  # noqa: E402
from .learner import ObjectCentricLearner  # noqa: E402
from .loading import (  # noqa: E402
    CropObjectMaps,
    LoadObjectMaps,
    MasksToObjectMaps,
    PackObjectInputs,
)
from .metrics import ForegroundARI, MeanBestOverlap, SlotsInUse  # noqa: E402
from .mlp_decoder import MLPDecoder  # noqa: E402
from .objects import ObjectSlots, Reconstruction  # noqa: E402
from .pixel_target import PixelTarget  # noqa: E402
from .savi_resnet import SAViResNet  # noqa: E402
from .slate import SLATE  # noqa: E402
from .slot_attention import SlotAttention  # noqa: E402
from .slot_visualization_hook import SlotVisualizationHook  # noqa: E402

__all__ = [
    'SLATE',
    'AutoregressiveDecoder',
    'BroadcastDecoder',
    'CNNDecoder',
    'CropObjectMaps',
    'DiscreteVAE',
    'FeatureTeacher',
    'FirstSlots',
    'ForegroundARI',
    'LoadObjectMaps',
    'MLPDecoder',
    'MasksToObjectMaps',
    'MeanBestOverlap',
    'ObjectCentricLearner',
    'ObjectMasksDataset',
    'ObjectSlots',
    'PackObjectInputs',
    'PixelTarget',
    'Reconstruction',
    'SAViResNet',
    'SlotAttention',
    'SlotVisualizationHook',
    'SlotsInUse',
]
