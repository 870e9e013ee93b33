"""How many processors there are for us, and what they can."""

import os

import torch


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_has_bfloat16() -> bool:
    """Tell whether the processor has instructions for bfloat16, and so gains by it.

    Old versions of torch cannot tell, and then the answer is no.
    """
    return any(
        getattr(torch.cpu, name, bool)()
        for name in ('_is_avx512_bf16_supported', '_is_amx_tile_supported')
    )
