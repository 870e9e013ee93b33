"""Masks become pictures where they are, in the colours they should have."""

import numpy as np
import torch

from wwt_mm.visualization.slot_pictures import normalise_masks, slot_colors


def test_masks_are_stretched_to_their_own_range_and_constant_ones_vanish():
    masks = torch.tensor([[[-2.0, 0.0], [1.0, 2.0]], [[7.0, 7.0], [7.0, 7.0]]])
    stretched = normalise_masks(masks)
    assert stretched[0].tolist() == [[0.0, 0.5], [0.75, 1.0]]
    assert not stretched[1].any()


def test_colours_differ_for_twenty_slots_and_then_repeat():
    colors = slot_colors(64)
    assert colors.shape == (64, 3)
    assert len(np.unique(colors[:20], axis=0)) == 20
    assert (colors[20] == colors[0]).all()
