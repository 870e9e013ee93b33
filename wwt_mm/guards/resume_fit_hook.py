"""Goes on with other settings than a checkpoint was made with, and says so.

mmengine restores learning rates, schedules and the count of iterations as they were
saved. After a change of batch size, processes, epochs or learning rate the schedule
would be that of the former run: over before its time, or never.
"""

import warnings
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop, Runner

from ..errors import CheckpointError

# What schedulers remember of their way; all else are settings.
_PROGRESS = {'last_step', '_global_step', '_last_value', 'base_values', 'verbose'}
_BATCH = 'images_per_iteration'


@HOOKS.register_module()
class ResumeFitHook(Hook):
    """Makes the settings of the present run hold, where a checkpoint has others.

    The count of iterations is put to what the epochs done amount to now. If schedules
    or the optimizer's settings differ, the new schedules are followed from the start to
    the present place, and their values are taken. Moments and weights stay as they are.
    Where nothing differs, nothing is touched. Each change is a line in the log.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Notes what mmengine does not: how many images an iteration takes."""
        checkpoint['meta'][_BATCH] = _batch(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Changes what has been loaded, before mmengine restores it.

        Raises:
            CheckpointError: If it does not tell how far it was trained, the optimizer
                has other groups of parameters, or a schedule that depends on results
                has other settings.
        """
        if not runner._resume or isinstance(runner.optim_wrapper, OptimWrapperDict):
            return
        if not {'epoch', 'iter'} <= (checkpoint.get('meta') or {}).keys():
            raise CheckpointError(
                f'{runner._load_from} does not tell how far it was trained, so it is '
                'no checkpoint to resume from: begin with its weights, --cfg-options '
                f'load_from={runner._load_from} without --resume'
            )
        changes = _find_changes(runner, checkpoint)
        changes |= _move_iterations(runner, checkpoint['meta'])
        batch = checkpoint['meta'].get(_BATCH)
        now = {'images per iteration': (batch, _batch(runner))} if batch else {}
        if changes:
            _follow_schedules(runner, checkpoint)
        told = ', '.join(
            f'{name} {old} (now {new})'
            for name, (old, new) in (changes | now).items()
            if old != new
        )
        if told:
            runner.logger.warning(
                f'{runner._load_from} was made with {told}. This run goes on with its '
                'own settings, learning rates and schedules among them'
            )


def _batch(runner: Runner) -> int:
    loader = runner.train_loop.dataloader
    accumulated = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
    return (loader.batch_size or 1) * get_world_size() * accumulated


def _move_iterations(runner: Runner, meta: dict) -> dict[str, tuple[Any, Any]]:
    """Counts the iterations of whole epochs anew."""
    epochs, iterations = meta['epoch'], meta['iter']
    if not isinstance(runner.train_loop, EpochBasedTrainLoop) or not epochs:
        return {}
    length = len(runner.train_loop.dataloader)
    if iterations % epochs or iterations == epochs * length:
        return {}  # within an epoch; or as it was
    meta['iter'] = epochs * length
    return {'iterations per epoch': (iterations // epochs, length)}


def _find_changes(runner: Runner, checkpoint: dict) -> dict[str, tuple[Any, Any]]:
    """Settings of optimizer and schedules, as they were and are."""
    schedulers = runner.param_schedulers or []
    scheduled = {scheduler.param_name for scheduler in schedulers}
    scheduled |= {'betas'} if 'momentum' in scheduled else set()
    changes: dict[str, tuple[Any, Any]] = {}
    # The last of them holds what the config says, without factors.
    for old, new in reversed(_pair_groups(runner, checkpoint)):
        for key in (old.keys() & new.keys()) - scheduled - {'params'}:
            if old[key] != new[key]:
                changes.setdefault(key.removeprefix('initial_'), (old[key], new[key]))
    saved = checkpoint.get('param_schedulers') or []
    if len(saved) != len(schedulers):
        changes['number of schedulers'] = len(saved), len(schedulers)
    for old, scheduler in zip(saved, schedulers, strict=False):
        new = scheduler.state_dict()
        keys = (old.keys() | new.keys()) - _PROGRESS
        for key in () if hasattr(scheduler, 'need_val_args') else sorted(keys):
            if old.get(key) != new.get(key):
                name = f'{key} of {type(scheduler).__name__}'
                changes[name] = old.get(key), new.get(key)
    return changes


def _pair_groups(runner: Runner, checkpoint: dict) -> list[tuple[dict, dict]]:
    saved = checkpoint.get('optimizer') or {'param_groups': []}
    old = list(saved['param_groups'])
    new = list(runner.optim_wrapper.optimizer.param_groups)
    if old and len(old) != len(new):
        raise CheckpointError(
            f'{runner._load_from} has {len(old)} groups of parameters in its '
            f'optimizer and this run {len(new)}: give paramwise_cfg as it was, or '
            'begin anew from its weights with load_from'
        )
    base = getattr(runner.optim_wrapper, 'base_param_settings', None)
    if base and saved.get('base_param_settings'):
        old.append(saved['base_param_settings'])
        new.append(base)
    return list(zip(old, new, strict=False))


def _follow_schedules(runner: Runner, checkpoint: dict) -> None:
    """Steps the schedules of this run to the present place."""
    schedulers = runner.param_schedulers or []
    if any(hasattr(scheduler, 'need_val_args') for scheduler in schedulers):
        raise CheckpointError(
            f'{runner._load_from} was made with other settings, and a schedule of this '
            'run depends on results, which are not kept: resume with the settings that '
            'it had, or begin anew from its weights with load_from'
        )
    by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
    length = len(runner.train_loop.dataloader)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # no step of the optimizer in between
        for iteration in range(1, checkpoint['meta']['iter'] + 1):
            for scheduler in schedulers:
                ends = by_epoch and iteration % length == 0
                if not scheduler.by_epoch or ends:
                    scheduler.step()
    for old, new in _pair_groups(runner, checkpoint):
        old.update({key: value for key, value in new.items() if key != 'params'})
    states = [scheduler.state_dict() for scheduler in schedulers]
    checkpoint['param_schedulers'] = states
