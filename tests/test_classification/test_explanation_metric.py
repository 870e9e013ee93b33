"""Drop and Increase on cases computed by hand and against the definition."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample

from reproduction.explanation import (
    ExplanationMetric,
    average_drop,
    increase_in_confidence,
)


@pytest.mark.parametrize(
    'confidence, explained, drop, increase',
    [
        ([0.8], [0.4], 50, 0),
        ([0.8], [0.0], 100, 0),
        ([0.8], [0.8], 0, 0),
        ([0.5], [0.6], 0, 100),
        ([0.8, 0.5, 0.4, 0.2], [0.4, 0.6, 0.4, 0.15], (50 + 0 + 0 + 25) / 4, 25),
        # no confidence: nothing to lose, everything to gain
        ([0.0], [0.0], 0, 0),
        ([0.0], [0.1], 0, 100),
        ([0.0, 0.5], [0.0, 0.25], 25, 0),
    ],
)
def test_drop_and_increase_are_those_computed_by_hand(
    confidence, explained, drop, increase
):
    pair = torch.tensor([confidence, explained], dtype=torch.float64)
    assert average_drop(*pair).item() == pytest.approx(drop)
    assert increase_in_confidence(*pair).item() == pytest.approx(increase)


PROBABILITIES = st.floats(0, 1, width=32)


@given(st.lists(st.tuples(PROBABILITIES, PROBABILITIES), min_size=1, max_size=9))
def test_metrics_follow_the_definition_for_any_confidences(pairs):
    confidence, explained = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    drops = [max(0, y - o) / y if y else 0 for y, o in pairs]
    gains = [y < o for y, o in pairs]
    assert average_drop(confidence, explained).item() == pytest.approx(
        100 * sum(drops) / len(drops)
    )
    assert increase_in_confidence(confidence, explained).item() == pytest.approx(
        100 * sum(gains) / len(gains)
    )


def test_the_metric_averages_over_images_and_not_over_batches():
    evaluator = Evaluator(ExplanationMetric())
    for batch in ([(0.8, 0.4), (0.5, 0.6), (0.4, 0.4)], [(0.2, 0.15)]):
        samples = []
        for confidence, explained in batch:
            sample = DataSample()
            sample.set_field(confidence, 'confidence')
            sample.set_field(explained, 'explained_confidence')
            samples.append(sample)
        evaluator.process(samples)
    metrics = evaluator.evaluate(4)
    assert metrics == pytest.approx(
        {'explanation/drop': 18.75, 'explanation/increase': 25}
    )
