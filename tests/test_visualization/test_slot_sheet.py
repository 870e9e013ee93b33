"""Sheets show masks where they are, and hold images of any shape."""

import numpy as np
import pytest
import torch

from wwt_mm.inference import SlotReading
from wwt_mm.visualization.slot_pictures import token_weights
from wwt_mm.visualization.slot_sheet import (
    blend_slots,
    draw_slot_sheet,
    heat_map,
    spotlight,
)


def read(height=64, width=64, grid=(4, 4), slots=3, classes=2, coverage=(1.0, 1.0)):
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(slots, classes, generator=generator, dtype=torch.float64)
    return SlotReading(
        image=np.full((height, width, 3), 120, np.uint8),
        slots=torch.zeros(slots, 8),
        masks=torch.randn(slots, *grid, generator=generator, dtype=torch.float64),
        coverage=coverage,
        slot_probabilities=scores.softmax(1),
        probabilities=scores.mean(0).softmax(0),
    )


def test_class_activation_is_equation_8():
    reading = read()
    expected = torch.zeros(4, 4, dtype=torch.float64)
    for slot in range(3):
        for y in range(4):
            for x in range(4):
                mask = max(float(reading.masks[slot, y, x]), 0)
                expected[y, x] += reading.slot_probabilities[slot, 1] * mask
    torch.testing.assert_close(
        reading.class_activation(1), expected, atol=1e-12, rtol=0
    )


def test_token_weights_are_the_softmax_over_tokens_as_a_share_of_its_largest():
    masks = read().masks
    softmax = masks.flatten(1).softmax(1)
    expected = softmax / softmax.amax(1, keepdim=True)
    torch.testing.assert_close(token_weights(masks).flatten(1), expected)


def test_shares_count_the_patches_in_which_a_slot_is_highest():
    masks = torch.zeros(3, 2, 4)
    masks[0], masks[2, 0, :3] = 1, 2
    reading = SlotReading(image=None, slots=None, masks=masks, coverage=(1.0, 1.0))
    assert reading.shares().tolist() == [5 / 8, 0, 3 / 8]


def test_patches_that_reach_beyond_the_image_are_cut_not_squeezed():
    reading = read(height=40, width=64, grid=(3, 4), coverage=(40 / 48, 1.0))
    maps = torch.zeros(1, 3, 4)
    maps[0, 2] = 1  # the last row of patches, half of which is image
    pixels = reading.to_pixels(maps)
    assert pixels.shape == (1, 40, 64)
    assert (pixels[0, 39] > 0.9).all() and (pixels[0, :24] == 0).all()
    assert reading.to_pixels(maps, (20, 32)).shape == (1, 20, 32)


def test_pictures_show_masks_where_they_are():
    image = np.full((8, 8, 3), 100, np.uint8)
    mask = torch.zeros(8, 8)
    mask[:4] = 1
    lit = spotlight(image, mask)
    assert (lit[:4] == 100).all() and (lit[4:] == 15).all()
    blended = blend_slots(image, mask.long())
    assert (blended[4] == 255).all()  # the border
    assert (blended[0, 0] != blended[7, 0]).any()
    heat = heat_map(image, mask)
    assert (heat[6] == 100).all() and (heat[0] != 100).any()


@pytest.mark.parametrize('size', [(64, 64), (1, 900), (900, 1), (2000, 37), (37, 2000)])
def test_sheets_hold_images_of_any_shape(size):
    sheet = draw_slot_sheet(read(*size, slots=40), ['one', 'a very long name ' * 9])
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
    assert 80 < sheet.shape[0] < 1200 and 400 < sheet.shape[1] < 2000
    assert sheet.std() > 5


def test_sheets_need_neither_classes_nor_names():
    reading = read()
    bare = SlotReading(
        image=reading.image,
        slots=reading.slots,
        masks=reading.masks,
        coverage=(1.0, 1.0),
    )
    assert draw_slot_sheet(bare).shape[1] < draw_slot_sheet(reading).shape[1]
