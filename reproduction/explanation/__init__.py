"""Drop and Increase of explanations, Table 1. Registers a test loop and a metric."""

from .loop import ExplanationTestLoop
from .methods import METHODS, hide_unimportant, suitable_methods
from .metric import ExplanationMetric, average_drop, increase_in_confidence

__all__ = [
    'METHODS',
    'ExplanationMetric',
    'ExplanationTestLoop',
    'average_drop',
    'hide_unimportant',
    'increase_in_confidence',
    'suitable_methods',
]
