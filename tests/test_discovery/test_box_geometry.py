"""From patches to the pixels of the original image."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wwt_mm.discovery.box_geometry import patches_to_pixels
from wwt_mm.discovery.object_discoverer import masks_in_pixels
from wwt_mm.discovery.regions import boxes_of

sides = st.integers(17, 200)


def tensor(*boxes):
    return torch.tensor(boxes)


def test_a_box_of_patches_covers_their_pixels():
    boxes = patches_to_pixels(tensor([1, 2, 3, 4]), (16, 8), (64, 64))
    assert boxes.tolist() == [[8, 32, 24, 64]]


def test_a_patch_beyond_the_image_ends_at_its_border():
    boxes = patches_to_pixels(tensor([0, 0, 3, 2]), (16, 16), (25, 40))
    assert boxes.tolist() == [[0, 0, 40, 25]]


def test_boxes_return_to_the_size_before_resizing():
    boxes = patches_to_pixels(
        tensor([1, 1, 2, 2]), (16, 16), (64, 32), (0.5, 2.0), (32, 64)
    )
    assert boxes.tolist() == [[32, 8, 64, 16]]


def test_no_box_leaves_the_original_image_by_rounding():
    boxes = patches_to_pixels(tensor([0, 0, 4, 4]), (16, 16), (64, 64), 0.999, (64, 64))
    assert boxes.max() == 64


@settings(deadline=None)
@given(sides, sides, st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_scaling_an_image_scales_its_boxes(height, width, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    grid = (-(-height // 16), -(-width // 16))
    corner = torch.stack([torch.randint(0, n, (9,), generator=generator) for n in grid])
    y1, x1 = corner
    boxes = torch.stack([x1, y1, x1 + 1, y1 + 1], 1)
    once = patches_to_pixels(boxes, (16, 16), (height, width))
    # The same patches of an image that was `scale` times as large before resizing.
    large = patches_to_pixels(
        boxes,
        (16, 16),
        (height, width),
        (1 / scale, 1 / scale),
        (height * scale, width * scale),
    )
    torch.testing.assert_close(large, once * scale, rtol=1e-5, atol=1e-3)


@settings(deadline=None)
@given(sides, sides, st.sampled_from([1.0, 0.5, 2.0]), st.integers(0, 2**32 - 1))
def test_masks_in_pixels_fill_the_boxes_of_their_regions(height, width, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    img_shape = (int(height * scale), int(width * scale))
    scales = (img_shape[1] / width, img_shape[0] / height)
    grid = [-(-side // 8) for side in img_shape]
    patches = torch.zeros(1, *grid, dtype=torch.bool).numpy()
    row, column = (int(torch.randint(0, n, (), generator=generator)) for n in grid)
    patches[0, row:, column:] = True
    masks = masks_in_pixels(patches, (8, 8), scales, (height, width))
    assert masks.shape == (1, height, width)
    expected = patches_to_pixels(
        torch.from_numpy(boxes_of(patches)), (8, 8), img_shape, scales, (height, width)
    )
    if masks.any():  # a sliver of a patch may hold no pixel's centre
        assert (expected - torch.from_numpy(boxes_of(masks))).abs().max() <= 1
