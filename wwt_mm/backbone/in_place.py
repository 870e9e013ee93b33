"""Operations that overwrite an operand where no backward pass will need it.

That saves a pass over memory, or memory that the system would have to hand out first.
Each overwrites its first argument, which must have no other reader.
"""

import torch
from torch import Tensor, nn


def activate(act: nn.Module, hidden: Tensor) -> Tensor:
    """Apply an activation to ``hidden``."""
    if type(act) is nn.GELU and not torch.is_grad_enabled():
        return torch.ops.aten.gelu_(hidden, approximate=act.approximate)
    return act(hidden)


def add(update: Tensor, x: Tensor) -> Tensor:
    """``update + x``, where ``x`` may have fewer images, or another dtype."""
    if update.dtype == x.dtype and not torch.is_grad_enabled():
        return update.add_(x)
    return update + x


def add_product(total: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """``total + x @ weight.T`` of ``(B, L, C)``, ``(B, L, E)`` and ``(C, E)``.

    With gradients it is still one operation, and not one on a view, whose gradient
    would be copied. Autocast has no form of it in place; there dtypes differ.
    """
    one_dtype = total.dtype == x.dtype == weight.dtype
    flat = total.flatten(0, 1)
    out = flat if one_dtype and not torch.is_grad_enabled() else None
    return torch.addmm(flat, x.flatten(0, 1), weight.t(), out=out).view_as(total)
