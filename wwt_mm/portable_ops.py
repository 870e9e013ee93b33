"""What mmcv's extension module computes, from parts that torch users have anyway.

torchvision, which mmdet needs too, has compiled NMS, RoIAlign and the focal loss for
CPU and GPU, and mmcv itself has multi-scale deformable attention in plain PyTorch.
:mod:`wwt_mm.compat` puts these functions in the place of ``mmcv._ext`` where mmcv was
not compiled. Their names, arguments and the tensors they write into are those with
which ``mmcv.ops`` calls its extension; shapes are given in mmcv's own docstrings.

torchvision is imported when an op is first called: ``import wwt_mm`` loads this file.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .errors import MissingOpError
from .requirements import COMPILE_OPS_COMMAND

__all__ = [
    'ms_deform_attn_backward',
    'ms_deform_attn_forward',
    'nms',
    'roi_align_backward',
    'roi_align_forward',
    'sigmoid_focal_loss_backward',
    'sigmoid_focal_loss_forward',
]


def missing_op(name: str) -> MissingOpError:
    """The error about a function of the extension that is not there."""
    return MissingOpError(
        f'mmcv is installed without compiled ops, and its {name} is needed. Install '
        f'them with `make install WITH_OPS=1`, or with `{COMPILE_OPS_COMMAND}` '
        '(docs/install.md); WWT_TRACEBACK=1 shows what needs it'
    )


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Indices ``(M,)`` of the boxes that no better one overlaps, best first.

    Args:
        boxes: ``(N, 4)``, corners.
        scores: ``(N,)``.
        iou_threshold: Boxes with a larger IoU than this overlap.
        offset: 0, or 1 where corners are pixels that belong to the box, so that its
            width is ``x2 - x1 + 1``.
    """
    from torchvision.ops import nms as torchvision_nms

    dtype = torch.promote_types(boxes.dtype, torch.float32)
    corners = boxes.to(dtype)
    if offset:
        # Widths, heights and overlaps all grow by the offset, as they should.
        corners = corners + corners.new_tensor([0, 0, offset, offset])
    return torchvision_nms(corners, scores.to(dtype), iou_threshold)


def roi_align_forward(
    features: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    **options: Any,
) -> None:
    """Writes average-pooled regions into ``output``; ``argmax_*`` stay empty.

    Raises:
        MissingOpError: If ``pool_mode`` is 0, the maximum, which torchvision lacks.
    """
    from torchvision.ops import roi_align

    if options['pool_mode'] == 0:
        raise missing_op("roi_align_forward with pool_mode='max'")
    others = (options[name] for name in ('spatial_scale', 'sampling_ratio', 'aligned'))
    output.copy_(roi_align(features, rois, output.shape[-2:], *others))


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_features: Tensor,
    **options: Any,
) -> None:
    """Writes the gradient of average pooling into ``grad_features``."""
    grad_features.copy_(
        torch.ops.torchvision._roi_align_backward(
            grad_output,
            rois,
            options['spatial_scale'],
            *grad_output.shape[-2:],
            *grad_features.shape,
            options['sampling_ratio'],
            options['aligned'],
        )
    )


def sigmoid_focal_loss_forward(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    *,
    gamma: float,
    alpha: float,
) -> None:
    """Writes each logit's focal loss ``(N, C)`` into ``output``."""
    output.copy_(_sigmoid_focal_loss(logits, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    grad_logits: Tensor,
    *,
    gamma: float,
    alpha: float,
) -> None:
    """Writes each loss's derivative by its logit ``(N, C)`` into ``grad_logits``."""

    def loss(logits: Tensor) -> Tensor:
        return _sigmoid_focal_loss(logits, target, weight, gamma, alpha)

    grad_logits.copy_(*_gradients(loss, (logits,), torch.ones_like(logits)))


def ms_deform_attn_forward(
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    locations: Tensor,
    weights: Tensor,
    *,
    im2col_step: int,
) -> Tensor:
    """Multi-scale deformable attention ``(B, queries, D)``, asked for on GPUs only."""
    return _ms_deform_attn(value, spatial_shapes, locations, weights)


def ms_deform_attn_backward(
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    locations: Tensor,
    weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_locations: Tensor,
    grad_weights: Tensor,
    *,
    im2col_step: int,
) -> None:
    """Writes the three gradients; the forward pass is computed once more for them."""

    def attend(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
        return _ms_deform_attn(value, spatial_shapes, locations, weights)

    gradients = _gradients(attend, (value, locations, weights), grad_output)
    for place, gradient in zip((grad_value, grad_locations, grad_weights), gradients):
        place.copy_(gradient)


def _sigmoid_focal_loss(
    logits: Tensor, target: Tensor, weight: Tensor, gamma: float, alpha: float
) -> Tensor:
    from torchvision.ops import sigmoid_focal_loss

    classes = torch.arange(logits.shape[1], device=logits.device)
    one_hot = (target[:, None] == classes).to(logits.dtype)
    loss = sigmoid_focal_loss(logits, one_hot, alpha, gamma)
    return loss * weight[target, None] if weight.numel() else loss


def _ms_deform_attn(
    value: Tensor, spatial_shapes: Tensor, locations: Tensor, weights: Tensor
) -> Tensor:
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    # As a list: one wait for the GPU instead of one for each side of each level.
    shapes = spatial_shapes.tolist()
    return multi_scale_deformable_attn_pytorch(value, shapes, locations, weights)


def _gradients(
    function: Callable[..., Tensor], inputs: tuple[Tensor, ...], grad_output: Tensor
) -> tuple[Tensor, ...]:
    """Gradients by ``inputs``, within a backward pass, where recording is off."""
    with torch.enable_grad():
        inputs = tuple(tensor.detach().requires_grad_() for tensor in inputs)
        return torch.autograd.grad(function(*inputs), inputs, grad_output)
