"""Moments of masks: coordinate pooling, against loops and known rectangles."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wwt_mm.detection.mask_moments import boxes_around, coordinate_moments


def test_moments_are_coordinates_and_their_squares_pooled_with_the_mask():
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(2, 3, 4, 5, generator=generator)
    weights = weights / weights.sum((-1, -2), keepdim=True)
    extents = torch.tensor([[5.0, 4.0], [4.5, 3.25]])
    means, variances = coordinate_moments(weights, extents)
    for b in range(2):
        for k in range(3):
            mean, square = [0.0, 0.0], [0.0, 0.0]
            for i in range(4):
                for j in range(5):
                    centre = [(j + 0.5) / extents[b, 0], (i + 0.5) / extents[b, 1]]
                    for axis in range(2):
                        mean[axis] += float(weights[b, k, i, j] * centre[axis])
                        square[axis] += float(weights[b, k, i, j] * centre[axis] ** 2)
            assert means[b, k].tolist() == pytest.approx(mean, abs=1e-6)
            pooled_squares = variances[b, k] + means[b, k].square()
            assert pooled_squares.tolist() == pytest.approx(square, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_mask_that_fills_a_rectangle_gives_that_rectangle(data):
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    top, left = (
        data.draw(st.integers(0, height - 1)),
        data.draw(st.integers(0, width - 1)),
    )
    bottom = data.draw(st.integers(top + 1, height))
    right = data.draw(st.integers(left + 1, width))
    weights = torch.zeros(1, 1, height, width)
    weights[..., top:bottom, left:right] = 1 / ((bottom - top) * (right - left))
    extents = torch.tensor([[float(width), float(height)]])
    box = boxes_around(*coordinate_moments(weights, extents), extents)[0, 0]
    expected = [
        (left + right) / 2 / width,
        (top + bottom) / 2 / height,
        (right - left) / width,
        (bottom - top) / height,
    ]
    assert box.tolist() == pytest.approx(expected, abs=1e-4)


def test_moments_keep_their_precision_under_autocast():
    weights = torch.rand(1, 2, 32, 32)
    weights = weights / weights.sum((-1, -2), keepdim=True)
    extents = torch.tensor([[32.0, 32.0]])
    exact = coordinate_moments(weights, extents)
    with torch.autocast('cpu', torch.bfloat16):
        autocast = coordinate_moments(weights, extents)
    for a, b in zip(exact, autocast):
        assert b.dtype == torch.float32
        torch.testing.assert_close(a, b)
