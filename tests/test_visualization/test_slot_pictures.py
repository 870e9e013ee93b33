"""Masks become pictures where they are, in the colours they should have."""

import numpy as np
import torch

from wwt_mm.visualization.slot_pictures import (
    normalise_masks,
    overlay_masks,
    segment_by_slots,
    slot_colors,
)


def test_masks_are_stretched_to_their_own_range_and_constant_ones_vanish():
    masks = torch.tensor([[[-2.0, 0.0], [1.0, 2.0]], [[7.0, 7.0], [7.0, 7.0]]])
    stretched = normalise_masks(masks)
    assert stretched[0].tolist() == [[0.0, 0.5], [0.75, 1.0]]
    assert not stretched[1].any()


def test_pixels_belong_to_the_highest_slot_at_any_size():
    masks = torch.zeros(2, 4, 4)
    masks[0, :, :2], masks[1, :, 2:] = 5, 5
    owner = segment_by_slots(masks, (16, 24))
    assert owner.shape == (16, 24)
    assert (owner[:, :12] == 0).all() and (owner[:, 12:] == 1).all()


def test_an_overlay_paints_where_the_mask_is_and_leaves_the_rest():
    image = np.full((8, 8, 3), 100, np.uint8)
    masks = torch.full((1, 8, 8), -9.0)
    masks[0, 2:5, 3:7] = 9
    painted = overlay_masks(image, masks, np.array([[1.0, 0.0, 0.0]]), strength=1.0)
    inside = np.zeros((8, 8), bool)
    inside[2:5, 3:7] = True
    assert (painted[inside] == [255, 0, 0]).all()
    assert (painted[~inside] == 100).all()
    assert overlay_masks(image, masks[:0], np.zeros((0, 3))) is image


def test_colours_differ_for_twenty_slots_and_then_repeat():
    colors = slot_colors(64)
    assert colors.shape == (64, 3)
    assert len(np.unique(colors[:20], axis=0)) == 20
    assert (colors[20] == colors[0]).all()
