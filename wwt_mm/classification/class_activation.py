"""Where the evidence for a class lies: eq. (8)."""

import torch.nn.functional as F
from torch import Tensor


def class_activation(
    slot_scores: Tensor,
    masks: Tensor,
    class_index: int | Tensor,
    rectify_heads: bool = False,
    average: bool = False,
) -> Tensor:
    """Sum of rectified masks, weighted by each slot's score of a class: eq. (8).

    Args:
        slot_scores: ``(B, K, C)``, probabilities or logits (the paper allows both).
        masks: Raw masks, ``(B, H, K, h, w)``, whose mean over heads is taken, or one
            for each slot, ``(B, K, h, w)``.
        class_index: The class, or one for each image, ``(B,)`` int.
        rectify_heads: As for :func:`rectified_masks`.
        average: Whether the sum is divided by that of the weights: "a
            class-confidence-weights average" may mean either. It makes a difference
            only where classes or images are compared.

    Returns:
        ``(B, h, w)``; :func:`upsample_to_image` makes pixels of them.
    """
    masks = rectified_masks(masks, rectify_heads)
    if isinstance(class_index, Tensor):
        index = class_index.view(-1, 1, 1).expand(-1, slot_scores.shape[1], 1)
        weights = slot_scores.gather(2, index)  # (B, K, 1)
    else:
        weights = slot_scores[..., class_index, None]
    if average:
        weights = weights / weights.sum(1, keepdim=True)
    activation = (weights.mT @ masks.flatten(2)).unflatten(2, masks.shape[-2:])  # (8)
    return activation.squeeze(1)


def rectified_masks(masks: Tensor, rectify_heads: bool = False) -> Tensor:
    """One mask without negative values for each slot.

    Args:
        masks: Raw masks ``(B, H, K, h, w)``, or one for each slot ``(B, K, h, w)``.
        rectify_heads: Whether each head is rectified before their mean is taken, not
            after. Which is not given in the paper.

    Returns:
        ``(B, K, h, w)``.
    """
    if masks.dim() == 4:
        return masks.relu()
    return masks.relu().mean(1) if rectify_heads else masks.mean(1).relu()


def upsample_to_image(
    maps: Tensor, image_size: tuple[int, int], patch_size: int | None = None
) -> Tensor:
    """Resample maps of tokens to pixels, bilinearly.

    Args:
        maps: ``(B, h, w)``.
        image_size: Height ``H`` and width ``W`` of the image in pixels.
        patch_size: Side of a token in pixels. Where it does not divide the image, the
            last tokens reach beyond it, and so do the maps until they are cropped.
            ``None`` spreads the tokens evenly over the image.

    Returns:
        ``(B, H, W)``.
    """
    height, width = image_size
    size = (height, width)
    if patch_size is not None:
        size = (maps.shape[-2] * patch_size, maps.shape[-1] * patch_size)
    pixels = F.interpolate(maps[:, None], size, mode='bilinear', align_corners=False)
    return pixels[:, 0, :height, :width]
