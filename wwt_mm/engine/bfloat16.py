"""Mixed precision where mmengine has none: bfloat16 on a CPU."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Computes the forward pass in bfloat16; weights and updates stay in float32.

    mmengine's ``AmpOptimWrapper`` refuses CPUs. Those with bfloat16 instructions
    (AVX512-BF16, AMX) train a WWT about twice as fast with this one; others get slower.
    bfloat16 has the range of float32, so losses need no scaling.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Wraps the forward pass, as ``OptimWrapper.optim_context`` does."""
        device = get_device().partition(':')[0]
        with super().optim_context(model), torch.autocast(device, torch.bfloat16):
            # The backward pass of torch's fused attention for CPUs takes 40 % of the
            # time of a small ViT in bfloat16, twice as long as separate products.
            with sdpa_kernel(SDPBackend.MATH) if device == 'cpu' else nullcontext():
                yield


def cpu_has_bfloat16() -> bool:
    """Tell whether the processor has instructions for bfloat16, and so gains by it.

    Old versions of torch cannot tell, and then the answer is no.
    """
    return any(
        getattr(torch.cpu, name, bool)()
        for name in ('_is_avx512_bf16_supported', '_is_amx_tile_supported')
    )
