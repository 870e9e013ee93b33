"""Selective recomputation: what is cheap to compute again need not be kept."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint


def call(
    function: Callable,
    *inputs: Any,
    recompute: bool,
    random: bool = False,
) -> Any:
    """Call a function; its backward pass may compute it again.

    Then only ``inputs`` are kept for the backward pass. Computing again stops as soon
    as all that is needed is there: of a function that ends with a matrix product, that
    product is not taken again.

    Args:
        function: Of tensors, and what else it needs.
        *inputs: Its arguments.
        recompute: Whether it is computed again. Without gradients nothing ever is.
        random: Whether it draws random numbers, which must be the same both times.

    Returns:
        What the function returns.
    """
    # A compiler decides by itself what to compute again.
    wanted = recompute and torch.is_grad_enabled() and not torch.compiler.is_compiling()
    if not wanted:
        return function(*inputs)
    return checkpoint(function, *inputs, use_reentrant=False, preserve_rng_state=random)
