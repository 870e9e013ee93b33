"""Logs losses of the whole batch where several processes share it."""

from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner


@HOOKS.register_module()
class MeanLossHook(Hook):
    """Replaces each logged loss by its mean over all processes.

    mmengine logs the losses of the first process only. With equal shares the means are
    what one process would log for the whole batch. Every process must log the same
    losses. Costs one reduction of a small vector per iteration.
    """

    priority = 'HIGHEST'  # before the hook that records the losses

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, torch.Tensor] | None = None,
    ) -> None:
        """Averages the losses in ``outputs`` in place."""
        if get_world_size() == 1 or not outputs:
            return
        names = sorted(k for k, v in outputs.items() if isinstance(v, torch.Tensor))
        means = torch.stack([outputs[name].detach().float() for name in names])
        all_reduce(means, op='mean')
        outputs.update(zip(names, means.unbind(), strict=True))
