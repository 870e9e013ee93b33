"""Stops, or goes on without a batch, when a loss is no longer a finite number."""

from functools import partial
from typing import Any

import torch
from mmengine.dist import all_reduce, barrier, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from ..errors import InvalidLossError, one_of
from .atomic import ATOMIC_BACKEND

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
        model = runner.model
        inner = model.module if is_model_wrapper(model) else model
        inner.parse_losses = partial(_parse_losses, type(inner).parse_losses, inner)
        model.train_step = partial(self._train_step, runner, model)

    def after_train(self, runner: Runner) -> None:
        """Leaves the model as it was."""
        model = runner.model
        inner = model.module if is_model_wrapper(model) else model
        inner.__dict__.pop('parse_losses', None)
        model.__dict__.pop('train_step', None)

    def _train_step(
        self, runner: Runner, model: Any, data: Any, optim_wrapper: Any
    ) -> dict[str, Tensor]:
        try:
            return type(model).train_step(model, data, optim_wrapper)
        except InvalidLossError as error:
            if not isinstance(error, _SharedInvalidLossError):
                _is_any(True, runner.model)  # the other processes wait for it
            return self._handle(runner, data, error)

    def _handle(self, runner: Runner, data: Any, error: InvalidLossError) -> dict:
        shown = _show_images(data)
        message = f'iteration {runner.iter + 1}: {error}. Images of the batch: {shown}'
        if self.action == 'skip' and self.num_skipped < self.limit:
            self.num_skipped += 1
            runner.logger.warning(
                f'{message}. Left out (number {self.num_skipped} of at most '
                f'{self.limit})'
            )
            return {}
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
        ) from error


class _SharedInvalidLossError(InvalidLossError):
    """An invalid loss that all processes know of."""


def _parse_losses(
    parse: Any, model: Any, losses: dict[str, Any]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mmengine's ``parse_losses``, which raises an error for what is not finite."""
    total, log_vars = parse(model, losses)
    names = list(log_vars)
    values = torch.stack([value.detach().float().mean() for value in log_vars.values()])
    finite = values.isfinite()
    if not _is_any(not finite.all(), total):
        return total, log_vars
    bad = {
        name: f'{name} is {value}'
        for name, value, good in zip(names, values.tolist(), finite.tolist())
        if not good
    }
    if len(bad) > 1:
        bad.pop('loss', None)  # the sum of the others
    raise _SharedInvalidLossError(
        ', '.join(bad.values()) or 'a loss of another process is not finite'
    )


def _is_any(bad: Any, like: Any) -> bool:
    """Whether something is bad in any of the processes."""
    if get_world_size() == 1:
        return bool(bad)
    device = like.device if isinstance(like, Tensor) else next(like.parameters()).device
    flag = torch.tensor(float(bad), device=device)
    all_reduce(flag, op='max')
    return bool(flag)


def _show_images(data: Any) -> str:
    samples = data.get('data_samples') if isinstance(data, dict) else None
    paths = [getattr(sample, 'img_path', None) for sample in samples or ()]
    paths = [str(path) for path in paths if path is not None]
    shown = ', '.join(paths[:_SHOWN_IMAGES]) or 'unknown'
    more = len(paths) - _SHOWN_IMAGES
    return f'{shown} and {more} more' if more > 0 else shown
