"""Regions of masks against loops over patches, and on masks made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wwt_mm.discovery.regions import Regions, boxes_of, component_at, connected_regions


def mask(*rows):
    """A mask from strings: '#' belongs to it."""
    return np.array([[patch == '#' for patch in row] for row in rows])


def boxes(binary):
    return sorted(map(tuple, connected_regions(binary, binary).boxes))


def flood_fill(binary):
    """Regions as a set of frozen sets of (mask, row, column): slow and obvious."""
    steps = {(-1, 0), (1, 0), (0, -1), (0, 1)}
    left = {tuple(place) for place in np.argwhere(binary)}
    regions = set()
    while left:
        region, waiting = set(), [left.pop()]
        while waiting:
            source, row, column = waiting.pop()
            region.add((source, row, column))
            for down, right in steps:
                neighbour = (source, row + down, column + right)
                if neighbour in left:
                    left.remove(neighbour)
                    waiting.append(neighbour)
        regions.add(frozenset(region))
    return regions


stacks = arrays(bool, st.tuples(*(st.integers(1, 6),) * 3))


@settings(deadline=None)
@given(stacks)
def test_regions_are_those_of_a_flood_fill(binary):
    regions = connected_regions(binary, binary)
    masks = regions.masks(np.arange(len(regions.sources)))
    found = {
        frozenset((int(source), *map(int, place)) for place in np.argwhere(region))
        for source, region in zip(regions.sources, masks, strict=True)
    }
    expected = {
        frozenset((int(s), int(r), int(c)) for s, r, c in region)
        for region in flood_fill(binary)
    }
    assert found == expected


@settings(deadline=None)
@given(stacks)
def test_boxes_areas_and_weights_are_those_of_the_patches(binary):
    weights = np.random.default_rng(0).random(binary.shape)
    regions = connected_regions(binary, weights)
    for index, region in enumerate(regions.masks(np.arange(len(regions.areas)))):
        rows, columns = np.nonzero(region)
        assert tuple(regions.boxes[index]) == (
            columns.min(),
            rows.min(),
            columns.max() + 1,
            rows.max() + 1,
        )
        assert regions.areas[index] == len(rows)
        total = weights[regions.sources[index]][region].sum()
        assert regions.weights[index] == pytest.approx(total)


@settings(deadline=None)
@given(stacks, st.integers(1, 4))
def test_scaling_a_mask_scales_its_boxes(binary, scale):
    scaled = binary.repeat(scale, 1).repeat(scale, 2)
    assert boxes(scaled) == [
        tuple(side * scale for side in box) for box in boxes(binary)
    ]


def test_regions_that_touch_by_a_corner_are_two():
    diagonal = mask('##..', '##..', '..##')[None]
    assert boxes(diagonal) == [(0, 0, 2, 2), (2, 2, 4, 3)]


def test_a_region_nested_in_a_ring_is_a_region_of_its_own():
    nested = mask('#####', '#...#', '#.#.#', '#...#', '#####')[None]
    assert boxes(nested) == [(0, 0, 5, 5), (2, 2, 3, 3)]


def test_a_region_at_the_border_ends_there():
    assert boxes(mask('..#', '..#')[None]) == [(2, 0, 3, 2)]


def test_regions_of_two_masks_never_join():
    full = np.ones((3, 2, 2), bool)
    regions = connected_regions(full, full)
    assert list(regions.sources) == [0, 1, 2]
    assert boxes(full) == [(0, 0, 2, 2)] * 3


def test_an_empty_mask_has_no_region():
    regions = connected_regions(*np.zeros((2, 2, 3, 3), bool))
    assert regions.boxes.shape == (0, 4)
    assert regions.masks(np.arange(0)).shape == (0, 3, 3)


def test_the_component_at_a_patch_is_all_that_connects_with_it():
    binary = mask('##.#', '...#')
    np.testing.assert_array_equal(component_at(binary, 1, 3), mask('...#', '...#'))
    assert not component_at(binary, 1, 0).any()


def test_regions_of_masks_are_ordered_by_score_and_have_tight_boxes():
    masks = np.stack([mask('#..', '...'), mask('.##', '..#')])
    regions = Regions.of_masks(masks, scores=[0.1, 0.9])
    np.testing.assert_array_equal(regions.boxes, [[1, 0, 3, 2], [0, 0, 1, 1]])
    assert list(regions.scores) == [0.9, 0.1]
    assert boxes_of(np.zeros((0, 2, 3), bool)).shape == (0, 4)
