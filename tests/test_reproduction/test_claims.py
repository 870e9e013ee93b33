"""Means, deviations and verdicts."""

import numpy as np
import pytest

from reproduction.claims import Ordering, Outcome, Quantity, judge, summarise


def measured(high, low):
    return {
        'high': {seed: {'x': value} for seed, value in enumerate(high)},
        'low': {seed: {'x': value} for seed, value in enumerate(low)},
    }


def verdict(high, low, slack=0.0):
    ordering = Ordering('', '', Quantity('high', 'x'), Quantity('low', 'x'), slack)
    return judge(ordering, measured(high, low))


def test_mean_and_sample_deviation_are_those_of_numpy():
    values = np.random.default_rng(0).normal(size=5)
    mean, deviation = summarise(values)
    assert mean == pytest.approx(np.mean(values))
    assert deviation == pytest.approx(np.std(values, ddof=1))
    # By hand: 1, 2, 6 deviate by -2, -1, 3 from 3.
    assert summarise([1, 2, 6]) == (3, pytest.approx(7**0.5))
    assert summarise([4.0]) == (4.0, None)


def test_an_ordering_holds_if_it_does_for_every_seed():
    found = verdict([3, 5, 4], [2, 1, 3])
    assert found.outcome is Outcome.HOLDS and str(found) == 'yes (3 of 3)'


def test_an_ordering_of_the_means_only_is_called_that():
    found = verdict([3, 9, 4], [2, 1, 5])
    assert found.outcome is Outcome.ON_AVERAGE and str(found) == 'on average (2 of 3)'


def test_an_ordering_that_fails_for_the_means_fails_whatever_single_seeds_say():
    found = verdict([3, 3, 0], [2, 2, 9])
    assert found.outcome is Outcome.FAILS and str(found) == '**no** (2 of 3)'


def test_a_tie_is_no_lead_but_is_comparable():
    assert verdict([2], [2]).outcome is Outcome.FAILS
    assert verdict([2], [2], slack=0.5).outcome is Outcome.HOLDS
    assert verdict([2], [2.5], slack=0.5).outcome is Outcome.FAILS


def test_seeds_count_that_have_both_numbers():
    found = verdict([3, 5], [2])
    assert (found.agreeing, found.seeds) == (1, 1)
    assert verdict([], [1]).outcome is Outcome.UNKNOWN


def test_quantities_are_scaled_to_the_unit_of_the_paper():
    runs = {'det': {0: {'mAP': 0.239}, 1: {'other': 1}}}
    assert Quantity('det', 'mAP', scale=100).values(runs) == {0: pytest.approx(23.9)}
    assert Quantity('absent', 'mAP').values(runs) == {}
