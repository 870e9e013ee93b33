"""A class and a mask from each query of a plain ViT: the head of EoMT. Needs mmdet."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmengine.registry import TASK_UTILS
from mmseg.models.decode_heads import Mask2FormerHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..backbone import SlotMasks
from ..errors import ConfigError
from .slot_reassemble_head import size_of, to_pixels

# Mask2Former's losses, and the same for matching.
_LOSSES = dict(
    loss_cls=dict(type='mmdet.CrossEntropyLoss', loss_weight=2.0),
    loss_mask=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True, loss_weight=5.0),
    loss_dice=dict(type='mmdet.DiceLoss', naive_dice=True, eps=1.0, loss_weight=5.0),
)
_COSTS = [
    dict(type='mmdet.ClassificationCost', weight=2.0),
    dict(type='mmdet.CrossEntropyLossCost', use_sigmoid=True, weight=5.0),
    dict(type='mmdet.DiceCost', pred_act=True, eps=1.0, weight=5.0),
]


@MODELS.register_module()
class EoMTHead(Mask2FormerHead):
    """Mask2Former's targets, losses and prediction, without its decoders.

    A query's class comes from a linear layer, its mask from the product of an MLP of
    the query with upscaled patches (Kerssies et al., 2025: *Your ViT is Secretly an
    Image Segmentation Model*). The paper also trains with masked attention in the last
    blocks, which it anneals away; that is left out here, and with it the predictions
    of the blocks before. Crops for training must be whole patches.

    Args:
        in_channels: Channels ``D`` of queries and patches.
        num_classes: Classes, a background that is labelled among them.
        num_queries: Queries ``Q`` of the backbone.
        patch_size: Patch size of the backbone in pixels.
        stride: Side in pixels of one position of the masks: the patch size, or that
            over a power of 2.
        num_points: Points of each image that the losses of masks are computed at.

    Raises:
        ConfigError: If ``stride`` does not fit the patch size.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        num_queries: int,
        patch_size: int = 16,
        stride: int = 4,
        num_points: int = 12544,
    ) -> None:
        from ..detection import FiniteHungarianAssigner  # mmseg does without mmdet

        BaseModule.__init__(self)  # mmdet's would build the decoders
        doublings = (patch_size // stride).bit_length() - 1
        if stride << doublings != patch_size:
            raise ConfigError(
                f'stride={stride} must be patch_size={patch_size} over a power of 2'
            )
        if num_classes < 2:
            raise ConfigError('EoMTHead needs a background among its num_classes')
        self.num_queries, self.stride = num_queries, stride
        self.num_classes = self.out_channels = num_classes
        self.ignore_index, self.align_corners = 255, False
        self.class_weight = [1.0] * num_classes + [0.1]
        weighted = dict(_LOSSES['loss_cls'], class_weight=self.class_weight)
        for name, loss in dict(_LOSSES, loss_cls=weighted).items():
            setattr(self, name, MODELS.build(loss))
        self.assigner = FiniteHungarianAssigner(_COSTS)
        self.sampler = TASK_UTILS.build(dict(type='mmdet.MaskPseudoSampler'))
        self.num_points = num_points
        self.oversample_ratio, self.importance_sample_ratio = 3.0, 0.75

        self.upscale = nn.Sequential(*(_double(in_channels) for _ in range(doublings)))
        self.cls_embed = nn.Linear(in_channels, num_classes + 1)
        layers = [nn.Linear(in_channels, in_channels) for _ in range(3)]
        self.mask_embed = nn.Sequential(
            layers[0], nn.GELU(), layers[1], nn.GELU(), layers[2]
        )

    def init_weights(self) -> None:
        """Leave layers as PyTorch initialises them."""
        BaseModule.init_weights(self)

    def forward(
        self, feats: Sequence[SlotMasks], batch_data_samples: object = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Predict a class and a mask for each query.

        Args:
            feats: What the backbone returns; the last is read.
            batch_data_samples: Not used.

        Returns:
            Logits ``(B, Q, C + 1)``, "no object" last, and logits of masks
            ``(B, Q, H / stride, W / stride)``; each in a list, as of one decoder layer.
        """
        queries, _, patches, _ = feats[-1]
        maps = self.upscale(patches)  # (B, D, h, w)
        masks = self.mask_embed(queries) @ maps.flatten(2)
        masks = masks.unflatten(2, maps.shape[-2:])
        return [self.cls_embed(queries).float()], [masks.float()]

    def predict(
        self, feats: Sequence[SlotMasks], batch_img_metas: list[dict], test_cfg: dict
    ) -> Tensor:
        """Sum the queries' masks by class: ``(B, C, H, W)``, from 0 to ``Q``."""
        (logits,), (masks,) = self(feats)
        masks = to_pixels(masks, self.stride, size_of(batch_img_metas[0])).sigmoid()
        classes = logits.softmax(-1)[..., :-1].mT  # (B, C, Q)
        return (classes @ masks.flatten(2)).unflatten(2, masks.shape[-2:])


def _double(channels: int) -> nn.Sequential:
    """Twice the resolution, as EoMT has it."""
    return nn.Sequential(
        nn.ConvTranspose2d(channels, channels, 2, 2),
        nn.GELU(),
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
        MODELS.build(dict(type='mmpretrain.LN2d', num_channels=channels)),
    )
