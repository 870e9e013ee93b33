"""Explanations of a classifier's decisions, and what they hide of an image (Table 1).

Each method takes a classifier, normalised images ``(B, 3, H, W)`` and, optionally, the
classes to explain ``(B,)``. It returns the logits ``(B, C)`` and maps of importance
``(B, h, w)`` from one forward pass.
"""

from collections.abc import Callable
from functools import partial

import torch
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.models.classifiers import ImageClassifier
from torch import Tensor

from wwt_mm.backbone import WhatWhereTransformer
from wwt_mm.classification import (
    SlotClsHead,
    class_activation,
    class_token_attention,
    patch_grid,
    record_attentions,
    rectified_masks,
    rollout,
    upsample_to_image,
)
from wwt_mm.errors import ConfigError, one_of


def explain_by_class_activation(
    classifier: ImageClassifier, inputs: Tensor, classes: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """WWT: eq. (8) with probabilities; of the predicted classes if none are given."""
    feats, slot_logits = _run_wwt(classifier, inputs)
    logits = classifier.head.average(slot_logits)
    classes = logits.argmax(1) if classes is None else classes
    scores = classifier.head.to_probabilities(slot_logits)
    return logits, class_activation(scores, feats.masks, classes)


def explain_by_masks(
    classifier: ImageClassifier,
    inputs: Tensor,
    classes: Tensor | None = None,
    rectify_heads: bool = False,
) -> tuple[Tensor, Tensor]:
    """WWT: raw masks, rectified and averaged over slots; the class plays no role.

    The map of Table 1: "attention masks as they are" (sec. 4). With ``rectify_heads``,
    each head is rectified before the mean over heads.
    """
    feats, slot_logits = _run_wwt(classifier, inputs)
    maps = rectified_masks(feats.masks, rectify_heads).mean(1)
    return classifier.head.average(slot_logits), maps


def explain_by_class_token(
    classifier: ImageClassifier, inputs: Tensor, classes: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """ViT: the last layer's attention of the class token, averaged over heads."""
    logits, attentions, grid = _run_vit(classifier, inputs)
    return logits, class_token_attention(attentions[-1], grid).mean(1)


def explain_by_rollout(
    classifier: ImageClassifier, inputs: Tensor, classes: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """ViT: attention rollout."""
    logits, attentions, grid = _run_vit(classifier, inputs)
    return logits, rollout(attentions, grid)


METHODS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    'class-activation': explain_by_class_activation,
    'masks': explain_by_masks,
    'rectified-heads': partial(explain_by_masks, rectify_heads=True),
    'class-token': explain_by_class_token,
    'rollout': explain_by_rollout,
}


def suitable_methods(classifier: ImageClassifier) -> tuple[str, ...]:
    """The names in :data:`METHODS` that suit a classifier, the paper's first.

    Raises:
        ConfigError: If none does.
    """
    if isinstance(classifier.backbone, WhatWhereTransformer):
        return 'masks', 'class-activation'
    if isinstance(classifier.backbone, VisionTransformer):
        return 'class-token', 'rollout'
    raise ConfigError(
        f'a {type(classifier.backbone).__name__} cannot be explained: the methods are '
        "for WhatWhereTransformer and mmpretrain's VisionTransformer"
    )


def hide_unimportant(
    classifier: ImageClassifier, inputs: Tensor, maps: Tensor, blank: str = 'mean'
) -> Tensor:
    """Multiply images by their maps of importance, as Grad-CAM++ does.

    Maps are upsampled and scaled to [0, 1], image by image. A map that is the same
    everywhere explains nothing and hides everything.

    Args:
        classifier: The classifier, which knows its patches and its normalisation.
        inputs: Normalised images, ``(B, 3, H, W)``.
        maps: Importance of tokens, ``(B, h, w)``.
        blank: What hidden pixels become: ``'mean'``, zero in the normalised image, or
            ``'black'``, zero in the raw one. Not given in the paper.

    Returns:
        ``(B, 3, H, W)``.

    Raises:
        ConfigError: If ``blank`` is unknown.
    """
    one_of('blank', blank, ('mean', 'black'))
    patch_size = _patch_size(classifier.backbone)
    maps = upsample_to_image(maps.float(), inputs.shape[-2:], patch_size)
    low, high = maps.amin((1, 2), True), maps.amax((1, 2), True)
    weights = ((maps - low) / (high - low)).nan_to_num(0).unsqueeze(1)
    seen = inputs * weights
    preprocessor = classifier.data_preprocessor
    if blank == 'black' and hasattr(preprocessor, 'mean'):
        seen -= (1 - weights) * preprocessor.mean / preprocessor.std
    return seen


def _run_wwt(classifier: ImageClassifier, inputs: Tensor):
    """The last block's output and the logits of its slots, ``(B, K, C)``."""
    if not isinstance(classifier.head, SlotClsHead):
        raise ConfigError(
            'class-activation and masks explain a WhatWhereTransformer with a '
            f'SlotClsHead, not a {type(classifier.backbone).__name__}: choose '
            'class-token or rollout'
        )
    feats = classifier.extract_feat(inputs)
    return feats[-1], classifier.head.slot_logits(feats)


def _run_vit(classifier: ImageClassifier, inputs: Tensor):
    """Logits, attention of each layer, and the grid of patches."""
    vit = classifier.backbone
    if not isinstance(vit, VisionTransformer):
        raise ConfigError(
            "class-token and rollout explain mmpretrain's VisionTransformer, not a "
            f'{type(vit).__name__}: choose class-activation or masks'
        )
    grid = patch_grid(vit, inputs.shape[-2:])
    with record_attentions(vit) as attentions:
        logits = classifier(inputs, mode='tensor')
    return logits, attentions, grid


def _patch_size(backbone: torch.nn.Module) -> int:
    if isinstance(backbone, WhatWhereTransformer):
        return backbone.patch_size
    return backbone.patch_embed.projection.stride[0]
