"""Refuses to test a model with the weights of another."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

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
        check_fit(model, checkpoint, runner._load_from, runner.cfg.filename)


def check_fit(
    model: nn.Module, checkpoint: dict[str, Any], source: object, config: object
) -> None:
    """Compares a checkpoint's names and shapes with a model's.

    Args:
        model: The model that the checkpoint was loaded into.
        checkpoint: What was loaded.
        source: Where it comes from, for the message.
        config: Where the model comes from, for the message.

    Raises:
        CheckpointError: If less than half of the parameters fit.
    """
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
            f'{source} is not a checkpoint of {config}: it '
            f'fits {len(fitting)} of {len(parameters)} parameters; {misfit} should '
            f'be {tuple(parameters[misfit].shape)} and is '
            f'{"missing" if found is None else tuple(found)}'
        )
