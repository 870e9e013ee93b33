"""Masks of detections are painted where they are."""

import numpy as np
import torch

from reproduction.demo.detection_sheet import overlay_masks, segment_by_slots


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
