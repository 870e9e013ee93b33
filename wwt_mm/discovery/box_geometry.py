"""From boxes on the grid of patches to boxes in the pixels of the original image."""

from collections.abc import Sequence

import torch
from torch import Tensor


def patches_to_pixels(
    boxes: Tensor,
    patch_size: tuple[int, int],
    img_shape: Sequence[int],
    scale_factor: float | Sequence[float] = 1.0,
    ori_shape: Sequence[int] | None = None,
) -> Tensor:
    """Turn boxes in patches into boxes in pixels of the image file.

    A patch that reaches beyond the image (sides that are no multiple of the patch
    size, padding of a batch) counts up to the image's border.

    Args:
        boxes: ``(R, 4)`` x1, y1, x2, y2 in patches, x2 and y2 exclusive.
        patch_size: Height and width of a patch in pixels.
        img_shape: Height and width of the network's input without padding, in pixels.
        scale_factor: Width and height of the input over those of the original image,
            or one number for both, as mmdet's ``Resize`` notes it.
        ori_shape: Height and width of the original image; by default what
            ``img_shape`` and ``scale_factor`` give.

    Returns:
        ``(R, 4)`` float32 x1, y1, x2, y2 in pixels from the left upper corner of the
        image, which has coordinates (0, 0); the right lower one has (width, height).
    """
    height, width = img_shape[:2]
    patch_height, patch_width = patch_size
    size = boxes.new_tensor([patch_width, patch_height] * 2, dtype=torch.float32)
    limit = boxes.new_tensor([width, height] * 2, dtype=torch.float32)
    boxes = torch.minimum(boxes * size, limit)
    if isinstance(scale_factor, (int, float)):
        scale_factor = (scale_factor, scale_factor)
    scale = boxes.new_tensor(list(scale_factor[:2]) * 2, dtype=torch.float32)
    boxes = boxes / scale
    if ori_shape is not None:
        height, width = ori_shape[:2]
        boxes = torch.minimum(boxes, boxes.new_tensor([width, height] * 2))
    return boxes
