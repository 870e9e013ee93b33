"""Stops, or goes on without a batch, when a loss is no longer a finite number."""

from functools import partial
from typing import Any

import torch
from mmengine.dist import all_reduce, barrier
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor, nn

from ..errors import InvalidLossError, one_of
from .atomic import ATOMIC_BACKEND
from .dataset_fit_hook import unwrap

_SHOWN_IMAGES = 8


@HOOKS.register_module()
class InvalidLossHook(Hook):
    """Watches every loss before it reaches the weights.

    (mmdet's ``CheckInvalidLossHook`` looks after the update, when the weights are not
    finite either, and tells neither the loss nor the images.) The message names the
    iteration, the losses and the images of the batch. The state before the batch is
    saved as ``invalid_loss_iter_N.pth`` in the work dir; ``--resume`` with an earlier
    checkpoint repeats the run up to there. All processes stop, or go on, together.

    mmengine reads each loss in each iteration, so reading them here costs little more.

    Args:
        action: ``'stop'`` raises an error. ``'skip'`` leaves the weights as they are
            for this iteration and warns.
        limit: How many iterations may be skipped in a run.

    Raises:
        ConfigError: If ``action`` is unknown.
        InvalidLossError: On use: see above.
    """

    def __init__(self, action: str = 'stop', limit: int = 10) -> None:
        self.action = one_of('action', action, ('skip', 'stop'))
        self.limit = limit
        self.num_skipped = 0

    def before_train(self, runner: Runner) -> None:
        """Puts itself between the losses and the optimizer."""
        model, look = runner.model, partial(self._look, runner)
        self._handle = unwrap(model).register_forward_hook(look, with_kwargs=True)
        if self.action == 'skip':
            model.train_step = partial(_unless_skipped, model.train_step)

    def after_train(self, runner: Runner) -> None:
        """Leaves the model as it was."""
        self._handle.remove()
        runner.model.__dict__.pop('train_step', None)

    def _look(
        self, runner: Runner, model: nn.Module, args: tuple, kwargs: dict, losses: Any
    ) -> None:
        """Torch calls it after each forward pass."""
        if kwargs.get('mode') != 'loss':
            return
        bad = _find_bad(model, losses)
        if bad is None:
            return
        shown = _show_images(kwargs.get('data_samples'))
        message = f'iteration {runner.iter + 1}: {bad}. Images of the batch: {shown}'
        if self.action == 'skip' and self.num_skipped < self.limit:
            self.num_skipped += 1
            runner.logger.warning(
                f'{message}. Left out (number {self.num_skipped} of at most '
                f'{self.limit})'
            )
            raise _SkippedBatch
        name = f'invalid_loss_iter_{runner.iter + 1}.pth'
        runner.save_checkpoint(
            runner.work_dir,
            name,
            meta=dict(epoch=runner.epoch, iter=runner.iter),
            backend_args=dict(backend=ATOMIC_BACKEND),
        )
        barrier()  # the first process to end takes the others with it
        raise InvalidLossError(
            f'{message}. The state before it is in {runner.work_dir}/{name}. Lower '
            'optim_wrapper.optimizer.lr, set optim_wrapper.clip_grad, look at these '
            "images, or give InvalidLossHook in custom_hooks action='skip'"
        )


class _SkippedBatch(Exception):
    """Ends an iteration before its backward pass."""


def _unless_skipped(train_step: Any, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
    try:
        return train_step(*args, **kwargs)
    except _SkippedBatch:
        return {}


@torch.no_grad()
def _find_bad(model: Any, losses: dict[str, Any]) -> str | None:
    """Names what is not finite in any of the processes; ``None`` if all is."""
    _, terms = model.parse_losses(losses)
    values = torch.stack([value.float().mean() for value in terms.values()])
    worst = (~values.isfinite()).any().float()
    all_reduce(worst, op='max')
    if not worst:
        return None
    bad = {
        name: f'{name} is {value.item()}'
        for name, value in zip(terms, values, strict=True)
        if not value.isfinite()
    }
    if len(bad) > 1:
        bad.pop('loss', None)  # the sum of the others
    return ', '.join(bad.values()) or 'a loss of another process is not finite'


def _show_images(samples: Any) -> str:
    paths = [getattr(sample, 'img_path', None) for sample in samples or ()]
    paths = [str(path) for path in paths if path is not None]
    shown = ', '.join(paths[:_SHOWN_IMAGES]) or 'unknown'
    more = len(paths) - _SHOWN_IMAGES
    return f'{shown} and {more} more' if more > 0 else shown
