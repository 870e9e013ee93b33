"""Refuses to test a model with the weights of another."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..errors import CheckpointError


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Raises an error if a checkpoint fits less than half of a model's parameters.

    mmengine would warn and go on with random weights, whose metrics mean nothing. A
    lesser misfit, which can be meant, is left to that warning.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compares names and shapes.

        Raises:
            CheckpointError: If the checkpoint is of another model.
        """
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        weights = checkpoint.get('state_dict', checkpoint)
        weights = {k.removeprefix('module.'): v for k, v in weights.items()}
        parameters = dict(model.named_parameters())
        fitting = [
            name
            for name, parameter in parameters.items()
            if getattr(weights.get(name), 'shape', None) == parameter.shape
        ]
        if len(fitting) < len(parameters) / 2:
            misfit = next(name for name in parameters if name not in fitting)
            found = getattr(weights.get(misfit), 'shape', None)
            raise CheckpointError(
                f'{runner._load_from} is not a checkpoint of {runner.cfg.filename}: it '
                f'fits {len(fitting)} of {len(parameters)} parameters; {misfit} should '
                f'be {tuple(parameters[misfit].shape)} and is '
                f'{"missing" if found is None else tuple(found)}'
            )
