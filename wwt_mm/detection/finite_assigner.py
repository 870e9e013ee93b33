"""Hungarian matching that lets what is not finite pass on to the losses."""

from functools import partial
from typing import Any

from mmdet.models.task_modules import HungarianAssigner
from mmdet.registry import TASK_UTILS
from torch import Tensor

_LARGE = 1e6  # beyond any cost, and sums of it are finite


@TASK_UTILS.register_module()
class FiniteHungarianAssigner(HungarianAssigner):
    """mmdet's ``HungarianAssigner``, which NaN and infinite costs do not stop.

    What they come from makes the losses NaN too, and those are watched in all processes
    together (:class:`~wwt_mm.guards.InvalidLossHook`). An error here would end one
    process while the others wait for its part of the losses' normalisation.

    Args:
        match_costs: Configs of the costs that are added: see mmdet.
    """

    def __init__(self, match_costs: list[dict] | dict) -> None:
        super().__init__(match_costs)
        self.match_costs = [partial(_finite, cost) for cost in self.match_costs]


def _finite(cost: Any, **instances: Any) -> Tensor:
    return cost(**instances).nan_to_num(_LARGE, _LARGE, -_LARGE)
