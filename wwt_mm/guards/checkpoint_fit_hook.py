"""Refuses to test a model with the weights of another."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from .weights import check_fit


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Raises an error if a checkpoint fits less than half of a model's parameters.

    See :func:`~wwt_mm.guards.weights.check_fit`.
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
        check_fit(model, weights, str(runner._load_from), runner.cfg.filename)
