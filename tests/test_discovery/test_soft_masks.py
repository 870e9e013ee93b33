"""Scalings of masks and the Herfindahl index against their formulas, in loops."""

import math

import pytest
import torch

from wwt_mm.discovery.soft_masks import (
    NORMALISATIONS,
    normalise_masks,
    squared_shares,
)
from wwt_mm.errors import ConfigError


@pytest.fixture
def masks():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)


def test_the_herfindahl_index_is_the_sum_of_squared_shares(masks):
    weights = masks.abs()
    index = squared_shares(weights).sum((-2, -1))
    for image in range(2):
        for slot in range(3):
            values = weights[image, slot].flatten().tolist()
            expected = sum((value / sum(values)) ** 2 for value in values)
            assert index[image, slot].item() == pytest.approx(expected)


def test_the_herfindahl_index_is_1_for_one_patch_and_1_over_n_for_equal_shares():
    one = torch.zeros(3, 4)
    one[1, 2] = 5
    assert squared_shares(one).sum() == 1
    equal = squared_shares(torch.full((3, 4), 0.3)).sum()
    assert equal.item() == pytest.approx(1 / 12)
    assert squared_shares(torch.zeros(3, 4)).sum() == 0


def loop_reference(values, how):
    """A scaling of one mask (a list of numbers), as its documentation says."""
    if how == 'logits':
        return values
    if how == 'sigmoid':
        return [1 / (1 + math.exp(-value)) for value in values]
    if how == 'relu':
        return [max(value, 0) / max(values) for value in values]
    if how == 'min_max':
        return [(v - min(values)) / (max(values) - min(values)) for v in values]
    if how == 'softmax_tokens':
        return [math.exp(value - max(values)) for value in values]
    positive = [max(value, 0) for value in values]
    assert how == 'mass'
    return [sum(p for p in positive if p <= v) / sum(positive) for v in positive]


@pytest.mark.parametrize('how', sorted(set(NORMALISATIONS) - {'softmax_slots'}))
def test_each_scaling_is_what_it_says(masks, how):
    result = normalise_masks(masks, how)
    for image in range(2):
        for slot in range(3):
            values = masks[image, slot].flatten().tolist()
            found = result[image, slot].flatten()
            expected = torch.tensor(loop_reference(values, how))
            if how == 'mass':  # the order among patches of no mass is of no matter
                keep = masks[image, slot].flatten() > 0
                found, expected = found[keep], expected[keep]
            torch.testing.assert_close(found, expected)


def test_slots_compete_for_each_patch(masks):
    result = normalise_masks(masks, 'softmax_slots')
    torch.testing.assert_close(result, masks.float().softmax(1))


@pytest.mark.parametrize('how', NORMALISATIONS)
def test_padding_changes_nothing_inside_and_is_never_above_a_threshold(masks, how):
    padding = torch.zeros(2, 4, 5, dtype=torch.bool)
    padding[1, :, 3:] = padding[1, 2:] = True
    padded = masks.masked_fill(padding[:, None], 0)
    result = normalise_masks(padded, how, padding)
    cropped = normalise_masks(masks[1:, :, :2, :3], how)[0]
    torch.testing.assert_close(result[1, :, :2, :3], cropped)
    torch.testing.assert_close(result[0], normalise_masks(masks[:1], how)[0])
    assert (result[1].masked_select(padding[1]) <= 0).all()


@pytest.mark.parametrize('how', ['relu', 'min_max', 'mass'])
def test_a_mask_without_a_range_is_0(how):
    result = normalise_masks(torch.full((1, 1, 2, 2), -3.0), how)
    assert (result == 0).all()


def test_an_unknown_scaling_is_an_error():
    with pytest.raises(ConfigError, match="choose one of 'logits', 'sigmoid'"):
        normalise_masks(torch.zeros(1, 1, 2, 2), 'max')


def test_equal_weights_have_equal_mass():
    masks = torch.tensor([[[[1.0, 1.0, 3.0]]]])
    mass = normalise_masks(masks, 'mass').flatten().tolist()
    assert mass == pytest.approx([0.4, 0.4, 1])
