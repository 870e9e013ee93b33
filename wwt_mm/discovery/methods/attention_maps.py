"""Attention maps of a ViT as masks: of its class token, and rolled out."""

from mmdet.registry import TASK_UTILS
from torch import Tensor, nn

from ...classification.vit_attention import (
    class_token_attention,
    patch_grid,
    record_attentions,
    rollout,
)
from ...errors import one_of
from ..features import check_vit
from .mask_method import MaskMethod, SoftMasks

_MASS_OF_60 = dict(normalise='mass', threshold=0.4, concentration='relu')


@TASK_UTILS.register_module()
class ClassTokenAttention(MaskMethod):
    """What the class token attends to in the last layer of a ViT.

    Args:
        heads: ``'mean'`` for one mask per image, ``'each'`` for one per head.
        **kwargs: As for :class:`MaskMethod`. By default the strongest patches with 60%
            of the attention are kept, as Caron et al. (2021) do for DINO; what the
            What-Where paper does is not given.
    """

    def __init__(self, heads: str = 'mean', **kwargs) -> None:
        super().__init__(**_MASS_OF_60 | kwargs)
        self.heads = one_of('heads', heads, ('mean', 'each'))

    def read_masks(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None
    ) -> SoftMasks:
        """Attention of the last layer; see :meth:`MaskMethod.read_masks`."""
        check_vit(backbone)
        grid = patch_grid(backbone, images.shape[2:])
        with record_attentions(backbone.layers[-1]) as attentions:
            backbone(images)
        masks = class_token_attention(attentions[-1], grid)  # (B, H, h, w)
        if self.heads == 'mean':
            masks = masks.mean(1, keepdim=True)
        return SoftMasks(masks)


@TASK_UTILS.register_module()
class Rollout(MaskMethod):
    """What reaches the class token through all layers (Abnar and Zuidema, 2020).

    Args:
        **kwargs: As for :class:`MaskMethod`, with the defaults of
            :class:`ClassTokenAttention` (not given in the paper).
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**_MASS_OF_60 | kwargs)

    def read_masks(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None
    ) -> SoftMasks:
        """Attention rollout; see :meth:`MaskMethod.read_masks`."""
        check_vit(backbone)
        grid = patch_grid(backbone, images.shape[2:])
        with record_attentions(backbone) as attentions:
            backbone(images)
        return SoftMasks(rollout(attentions, grid).unsqueeze(1))
