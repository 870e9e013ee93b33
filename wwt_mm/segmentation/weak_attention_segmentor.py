"""Baselines of Table 2: a ViT's attention in the place of WWT's masks."""

from mmseg.registry import MODELS
from torch import Tensor

from ..classification.vit_attention import (
    class_token_attention,
    patch_grid,
    record_attentions,
    rollout,
)
from ..errors import one_of
from .weak_segmentor import WeakSegmentor


@MODELS.register_module()
class WeakAttentionSegmentor(WeakSegmentor):
    """Where a ViT's class token looks, labelled with the class it decides for.

    Attention knows no classes: with several in question it is the same for all, times
    their probability. Scaling, threshold and the choice of classes are those of
    :class:`WeakSlotSegmentor`.

    Args:
        method: ``'attention'``: what the class token reads in the last layer, mean
            over heads; ``'rollout'``: attention rollout through all layers.
        **kwargs: Arguments of :class:`WeakSegmentor`, with an mmpretrain
            ``VisionTransformer`` and its head.
    """

    def __init__(self, method: str = 'attention', **kwargs) -> None:
        super().__init__(**kwargs)
        self.method = one_of('method', method, ('attention', 'rollout'))

    def explain(
        self, inputs: Tensor, padding_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See :meth:`WeakSegmentor.explain`; a ViT takes padding for image."""
        read = self.backbone if self.method == 'rollout' else self.backbone.layers[-1]
        with record_attentions(read) as attentions:
            features = self.backbone(inputs)
        height, width = inputs.shape[-2:]
        grid = patch_grid(self.backbone, (height, width))
        if self.method == 'rollout':
            maps = rollout(attentions, grid)  # (B, h, w)
        else:
            maps = class_token_attention(attentions[-1], grid).mean(1)
        scores = self.to_classes(self.head(features).softmax(-1))  # (B, C)
        return scores, scores[:, :, None, None] * maps[:, None]
