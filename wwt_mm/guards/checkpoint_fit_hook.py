"""Refuses the weights of another model, or of other classes."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from ..errors import CheckpointError
from .class_names import Classes, find_difference, read_saved_classes
from .dataset_fit_hook import MAY_KNOW_MORE, find_heads, read_names, unwrap
from .weights import check_fit


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Compares a checkpoint with the model and the dataset that it is loaded for.

    Where training starts from a checkpoint that fits at all, the rest is left to
    mmengine, and other classes are a line in the log: a head may learn new ones. The
    same classes in another order are an error always.

    Args:
        stage: ``'test'``, ``'resume'`` or ``'train'``.
    """

    def __init__(self, stage: str = 'test') -> None:
        self.stage = stage

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compares names and shapes of weights, and names of classes.

        Raises:
            CheckpointError: If the checkpoint is of another model or of other classes;
                see :func:`~wwt_mm.guards.weights.check_fit`.
        """
        model = unwrap(runner.model)
        weights = checkpoint.get('state_dict', checkpoint)
        weights = {name.removeprefix('module.'): weights[name] for name in weights}
        if self.stage != 'train':
            check_fit(model, weights, str(runner._load_from), runner.cfg.filename)
            self._check_heads(runner, model, weights)
        elif not any(name in weights for name in model.state_dict()):
            raise CheckpointError(
                f'{runner._load_from} has no weight of {runner.cfg.filename}, but '
                f'{next(iter(weights), "none")}. A part by another name takes '
                "init_cfg=dict(type='Pretrained', checkpoint=FILE, prefix='backbone.')"
            )
        self._compare_classes(runner, read_saved_classes(checkpoint), weights)

    def _check_heads(self, runner: Runner, model: nn.Module, weights: dict) -> None:
        for place, _ in find_heads(runner):
            missing = _has(model.state_dict(), place) and not _has(weights, place)
            if missing and place != 'auxiliary_head':
                raise CheckpointError(
                    f'{runner._load_from} has no weights of the {place} of '
                    f'{runner.cfg.filename}: train it first, with these as load_from'
                )

    def _compare_classes(self, runner: Runner, names: tuple, weights: dict) -> None:
        loop = runner.test_loop if self.stage == 'test' else runner.train_loop
        stage = 'test' if self.stage == 'test' else 'train'
        here = read_names(loop.dataloader.dataset, stage)
        if here is None or not any(
            known == len(names) and _has(weights, place)
            for place, known in find_heads(runner)
        ):
            return  # the head is not of this checkpoint
        there = Classes(names, str(runner._load_from))
        difference = find_difference(there, here)
        if runner.cfg.get('default_scope') in MAY_KNOW_MORE:
            if there.names[: len(here.names)] == here.names:
                return
        if difference and (self.stage != 'train' or set(names) == set(here.names)):
            raise CheckpointError(
                f'{difference}: set metainfo.classes of the {stage} dataset to those '
                f'of the checkpoint, {there.names!r}'
            )
        if difference:
            runner.logger.warning(
                f'{difference}. The head starts from what it knew of other classes'
            )


def _has(weights: dict, place: str) -> bool:
    return any(name.startswith(f'{place}.') for name in weights)
