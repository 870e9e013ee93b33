"""Lets several processes train and test together, also without a GPU."""

import torch
import torch.distributed as dist
from mmengine.config import Config

from ..errors import ConfigError

_WRAPPERS = ('MMDistributedDataParallel', 'MMSeparateDistributedDataParallel')


def prepare_cpu_processes(cfg: Config) -> None:
    """Sets up ``torchrun`` processes for the CPU; does nothing where there is a GPU.

    mmengine would select a GPU and hand its number to the model wrapper. With the
    process group already there, and a wrapper without device numbers, it does neither.

    Args:
        cfg: The config, with ``launcher`` set. Its ``model_wrapper_cfg`` is changed.

    Raises:
        ConfigError: If the launcher works with GPUs only.
    """
    if cfg.launcher == 'none' or torch.cuda.is_available():
        return
    if cfg.launcher != 'pytorch':
        raise ConfigError(
            f'--launcher {cfg.launcher} needs GPUs, and this machine has none; use '
            'tools/dist_train.sh or tools/dist_test.sh, which also work on CPUs'
        )
    if not dist.is_initialized():
        dist.init_process_group('gloo')
    wrapper = cfg.get('model_wrapper_cfg')
    if wrapper is None:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
            device_ids=None,
        )
    elif wrapper.get('type', _WRAPPERS[0]) in _WRAPPERS:
        wrapper.setdefault('device_ids', None)


def prepare_accumulation(cfg: Config) -> None:
    """Lets gradients be accumulated over iterations where the config is for one.

    DDP's ``static_graph``, which learns once which weights get no gradient, cannot
    leave out the exchange of gradients in some iterations. ``find_unused_parameters``
    can, and finds them in each.

    Args:
        cfg: The config, whose ``model_wrapper_cfg`` is changed.
    """
    accumulates = cfg.optim_wrapper.get('accumulative_counts', 1) > 1
    wrapper = cfg.get('model_wrapper_cfg') or {}
    if accumulates and wrapper.pop('static_graph', False):
        wrapper.find_unused_parameters = True
