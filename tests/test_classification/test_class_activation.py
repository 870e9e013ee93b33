"""Eq. (8) against a loop, and the geometry of upsampling."""

import pytest
import torch

from wwt_mm.classification import class_activation, upsample_to_image


def random(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize('heads', [0, 2])
@pytest.mark.parametrize('classes', [1, [2, 0]])
@pytest.mark.parametrize('kind', ['logits', 'probabilities'])
def test_class_activation_sums_rectified_masks_weighted_by_their_scores(
    heads, classes, kind
):
    scores = random(2, 4, 3)
    scores = scores.softmax(-1) if kind == 'probabilities' else scores
    masks = random(2, heads, 4, 3, 5) if heads else random(2, 4, 3, 5)
    index = torch.tensor(classes) if isinstance(classes, list) else classes
    result = class_activation(scores, masks, index)
    for image in range(2):
        label = classes[image] if isinstance(classes, list) else classes
        for y in range(3):
            for x in range(5):
                value = 0.0
                for slot in range(4):
                    mask = masks[image, ..., slot, y, x].mean()
                    value += scores[image, slot, label] * max(mask, 0)
                assert torch.isclose(result[image, y, x], value)


def test_heads_can_be_rectified_before_their_mean():
    scores, masks = random(2, 4, 3).softmax(-1), random(2, 2, 4, 3, 5)
    result = class_activation(scores, masks, 1, rectify_heads=True)
    for image in range(2):
        for y in range(3):
            for x in range(5):
                value = 0.0
                for slot in range(4):
                    heads = [max(m, 0) for m in masks[image, :, slot, y, x].tolist()]
                    value += float(scores[image, slot, 1]) * sum(heads) / 2
                assert result[image, y, x] == pytest.approx(value)


def test_the_sum_can_be_divided_by_that_of_the_weights():
    scores, masks = random(2, 4, 3).softmax(-1), random(2, 2, 4, 3, 5)
    whole = class_activation(scores, masks, torch.tensor([2, 0]))
    average = class_activation(scores, masks, torch.tensor([2, 0]), average=True)
    for image, label in enumerate((2, 0)):
        weight = sum(float(scores[image, slot, label]) for slot in range(4))
        assert torch.allclose(average[image], whole[image] / weight)
    alike = torch.ones(1, 4, 3, 5, dtype=torch.float64)  # an average of equal masks
    assert torch.allclose(
        class_activation(scores[:1], alike, 1, average=True), alike[0]
    )


def test_negative_masks_are_no_evidence_against_a_class():
    masks = -torch.ones(1, 2, 4, 4)
    assert not class_activation(torch.ones(1, 2, 3), masks, 0).any()


def test_an_upsampled_map_is_that_of_bilinear_interpolation_at_pixel_centres():
    maps = torch.tensor([[[0.0, 1.0]]])
    pixels = upsample_to_image(maps, (2, 8))
    ramp = ((torch.arange(8) + 0.5) / 4 - 0.5).clamp(0, 1)
    assert torch.allclose(pixels[0], ramp.expand(2, 8))


def test_tokens_that_reach_beyond_the_image_are_cropped_not_squeezed():
    maps = random(2, 3, 4)
    whole = upsample_to_image(maps, (12, 16))
    assert torch.equal(upsample_to_image(maps, (11, 13), 4), whole[:, :11, :13])
