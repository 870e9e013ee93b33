"""Which numbers are computed with: bfloat16, float16 and TF32."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..errors import ConfigError
from ..guards.class_names import name_type

AMP_DTYPES = ('bfloat16', 'float16')


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Computes the forward pass in bfloat16; weights and updates stay in float32.

    mmengine's ``AmpOptimWrapper`` refuses CPUs. Those with bfloat16 instructions
    (AVX512-BF16, AMX) train a WWT about twice as fast with this one; others get slower.
    bfloat16 has the range of float32, so losses need no scaling, which on a GPU would
    make the host wait in each iteration.
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


def enable_amp(cfg: Config, dtype: str | None = None) -> None:
    """Makes a config train with automatic mixed precision.

    Args:
        cfg: The config, whose ``optim_wrapper`` is changed.
        dtype: ``'bfloat16'`` or ``'float16'``; by default bfloat16, but float16 on a
            GPU without it (older than NVIDIA's Ampere).

    Raises:
        ConfigError: If the config has an optimizer wrapper of its own, or there is no
            GPU for float16.
    """
    kind = name_type({'type': 'OptimWrapper', **cfg.optim_wrapper})
    if kind == 'AmpOptimWrapper' and dtype is None:
        return
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise ConfigError(
            f'--amp works with optim_wrapper.type OptimWrapper, and {cfg.filename} '
            f'has {kind}'
        )
    has_gpu = torch.cuda.is_available()
    if dtype is None:
        # torch would also say yes to bfloat16 that is emulated.
        slow = has_gpu and torch.cuda.get_device_capability()[0] < 8
        dtype = 'float16' if slow else 'bfloat16'
    if dtype == 'bfloat16':
        for key in ('loss_scale', 'dtype', 'use_fsdp'):
            cfg.optim_wrapper.pop(key, None)
        cfg.optim_wrapper.type = 'wwt_mm.engine.BFloat16OptimWrapper'
        return
    if not has_gpu:
        raise ConfigError('--amp float16 needs a GPU: on a CPU use --amp bfloat16')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.dtype = dtype
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def allow_tf32(logger: MMLogger) -> None:
    """Lets GPUs compute products of float32 matrices in TF32, and says so.

    That keeps the range of float32 and 10 bits of its fraction. torch does so for
    convolutions by itself.
    """
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision('high')
        logger.info(
            'products of float32 matrices are computed in TF32 where the GPU has it; '
            'NVIDIA_TF32_OVERRIDE=0 in the environment keeps float32'
        )
