"""From masks to regions: threshold, duplicates, sizes, and the choice of the best."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from wwt_mm.classification import record_attentions, rollout
from wwt_mm.discovery import ClassTokenAttention, LaSt, MaskThreshold, Rollout
from wwt_mm.discovery.methods.mask_method import merge_heads
from wwt_mm.errors import ConfigError


def paint(*blobs, grid=(6, 8)):
    """Masks (1, K, h, w): one slot per list of (x1, y1, x2, y2, height of logit)."""
    masks = torch.zeros(1, len(blobs), *grid)
    for slot, parts in enumerate(blobs):
        for x1, y1, x2, y2, value in parts:
            masks[0, slot, y1:y2, x1:x2] = value
    return masks


def boxes(regions):
    return [tuple(box) for box in regions.boxes.tolist()]


SMALL, LARGE = (1, 1, 3, 3), (3, 2, 8, 6)


def test_the_most_concentrated_region_comes_first():
    masks = paint([(*LARGE, 5)], [(*SMALL, 5)])
    (regions,) = MaskThreshold().find_regions(masks)
    assert boxes(regions) == [SMALL, LARGE]
    assert list(regions.sources) == [1, 0]
    assert (np.diff(regions.scores) <= 0).all()


def test_regions_and_scores_are_those_of_loops():
    generator = torch.Generator().manual_seed(0)
    masks = torch.randn(3, 4, 6, 7, generator=generator)
    method = MaskThreshold(
        normalise='min_max',
        threshold=0.5,
        concentration='min_max',
        rank='region',
        duplicate_iou=1.0,
    )
    for image, regions in enumerate(method.find_regions(masks)):
        expected = []
        for slot in range(4):
            mask = masks[image, slot].numpy().astype(np.float64)
            mask = (mask - mask.min()) / (mask.max() - mask.min())
            labels, count = ndimage.label(mask > 0.5)
            for label in range(1, count + 1):
                region = labels == label
                if region.sum() >= 2:
                    score = ((mask / mask.sum()) ** 2)[region].sum()
                    rows, columns = np.nonzero(region)
                    box = (columns.min(), rows.min(), columns.max(), rows.max())
                    expected.append((-score, slot, box))
        expected.sort()
        np.testing.assert_allclose(-regions.scores, [e[0] for e in expected], rtol=1e-5)
        assert regions.sources.tolist() == [e[1] for e in expected]
        inclusive = regions.boxes - [0, 0, 1, 1]
        np.testing.assert_array_equal(inclusive, [e[2] for e in expected])


def test_ranking_by_mask_puts_all_regions_of_the_best_mask_first():
    # The two regions of slot 0 make it more concentrated than slot 1, though each of
    # them has less than the one region of slot 1.
    split = [(0, 0, 1, 2, 5), (5, 4, 7, 5, 5)]
    masks = paint(split, [(1, 1, 4, 3, 5)])
    (by_mask,) = MaskThreshold(rank='mask').find_regions(masks)
    assert list(by_mask.sources) == [0, 0, 1]
    (by_region,) = MaskThreshold(rank='region').find_regions(masks)
    assert list(by_region.sources) == [1, 0, 0]


def test_one_of_two_equal_regions_is_a_duplicate():
    masks = paint([(*SMALL, 5)], [(*SMALL, 5)], [(*LARGE, 5)])
    (regions,) = MaskThreshold().find_regions(masks)
    assert boxes(regions) == [SMALL, LARGE]
    (regions,) = MaskThreshold(duplicate_iou=1.0).find_regions(masks)
    assert boxes(regions) == [SMALL, SMALL, LARGE]


def test_equal_regions_of_two_images_are_no_duplicates():
    masks = paint([(*SMALL, 5)]).repeat(2, 1, 1, 1)
    assert [boxes(r) for r in MaskThreshold().find_regions(masks)] == [[SMALL]] * 2


def test_regions_that_are_too_small_or_too_large_are_dropped():
    masks = paint([(0, 0, 1, 1, 5)], [(0, 0, 8, 5, 5)], [(*LARGE, 5)])
    (regions,) = MaskThreshold(min_area=2, max_area=0.5).find_regions(masks)
    assert boxes(regions) == [LARGE]


def test_images_without_regions_stay_in_their_place():
    masks = torch.cat([paint([]), paint([(*SMALL, 5)]), paint([])])
    assert [boxes(r) for r in MaskThreshold().find_regions(masks)] == [[], [SMALL], []]


def test_constant_and_empty_masks_have_no_region():
    for value in (0.0, 3.0, -3.0):
        (regions,) = MaskThreshold().find_regions(torch.full((1, 2, 4, 4), value))
        assert regions.boxes.shape == (0, 4) and regions.masks.shape == (0, 4, 4)


def test_padding_is_in_no_region():
    masks = paint([(*LARGE, 5)])
    padding = torch.zeros(1, 6, 8, dtype=torch.bool)
    padding[:, :, 5:] = True
    (regions,) = MaskThreshold().find_regions(masks, padding)
    assert boxes(regions) == [(3, 2, 5, 6)]


@pytest.mark.parametrize('max_area', [0.6, 0.7])
def test_the_share_of_an_image_does_not_count_its_padding(max_area):
    masks = torch.full((1, 1, 6, 8), -9.0)
    masks[..., :4, :8] = 9.0  # a box of 2 / 3 of 6 x 8 patches, of 1 / 2 of 8 x 8
    method = MaskThreshold(max_area=max_area, normalise='min_max')
    padding = torch.zeros(1, 8, 8, dtype=torch.bool)
    padding[:, 6:] = True
    (alone,) = method.find_regions(masks)
    (padded,) = method.find_regions(
        torch.nn.functional.pad(masks, (0, 0, 0, 2)), padding
    )
    assert len(boxes(alone)) == (max_area > 2 / 3)
    assert boxes(padded) == boxes(alone)


def test_heads_are_averaged_summed_or_taken_as_masks_of_their_own():
    masks = torch.arange(24.0).view(1, 2, 3, 2, 2)
    torch.testing.assert_close(merge_heads(masks, 'mean'), masks.mean(1))
    torch.testing.assert_close(merge_heads(masks, 'sum'), masks.sum(1))
    each = merge_heads(masks, 'each')
    assert each.shape == (1, 6, 2, 2)
    torch.testing.assert_close(each[0, 3], masks[0, 1, 1])  # slot 1, head 1


def test_unknown_options_are_errors():
    for options in (
        dict(normalise='max'),
        dict(concentration='logits'),
        dict(rank='score'),
        dict(heads='max'),
    ):
        with pytest.raises(ConfigError):
            MaskThreshold(**options)
    with pytest.raises(ConfigError, match='sigma'):
        LaSt(sigma=0)


@pytest.mark.parametrize('channels', [384, 768, 15])
def test_last_smooths_with_the_width_of_its_authors(channels):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2, 5, channels))
    # Their steps: a Gaussian of sqrt(D) steps on the shifted spectrum, as they count.
    steps = np.arange(-channels // 2 + 1, channels // 2 + 1)
    spectrum = np.fft.fftshift(np.fft.fft(features), axes=-1)
    spectrum = spectrum * np.exp(-0.5 * (steps / channels**0.5) ** 2)
    smooth = np.fft.ifft(np.fft.ifftshift(spectrum, axes=-1)).real
    expected = features / np.abs(smooth - features)
    found = LaSt().stability(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    given = LaSt(sigma=channels**-0.5).stability(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(given, found, rtol=1e-6)
    assert not np.allclose(LaSt(sigma=0.1).stability(torch.from_numpy(features)), found)


def test_last_finds_the_patches_whose_features_are_smooth(build, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(1, 6, 8, 32, generator=generator)
    tokens[0, 2:4, 3:6] = 2 + 1e-3 * torch.randn(2, 3, 32, generator=generator)
    monkeypatch.setattr(
        'wwt_mm.discovery.methods.last.read_features', lambda *_: (tokens, None)
    )
    (regions,) = LaSt(top_k=6)(None, None)
    assert boxes(regions)[0] == (3, 2, 6, 4)


def test_attention_masks_are_shares_of_1_and_have_the_grid_of_patches(build):
    model = build('vit')
    images = torch.randn(2, 3, 40, 60)
    for method, count in (
        (ClassTokenAttention(), 1),
        (ClassTokenAttention(heads='each'), 3),
        (Rollout(), 1),
    ):
        masks, _ = method.read_masks(model.backbone, images, None)
        assert masks.shape == (2, count, 5, 8)
        assert (masks >= 0).all() and (masks.sum((2, 3)) < 1.0001).all()


@pytest.mark.parametrize('value', [3.0, -3.0])
def test_a_mask_that_is_constant_but_for_padding_has_no_region(value):
    padding = torch.zeros(1, 4, 4, dtype=torch.bool)
    padding[:, 2:] = True
    masks = torch.full((1, 2, 4, 4), value).masked_fill(padding[:, None], 0)
    assert len(MaskThreshold().find_regions(masks, padding)[0].boxes) == 0


def test_of_regions_of_one_mask_the_one_with_more_of_it_comes_first():
    small, large = (0, 0, 1, 2, 5), (3, 2, 8, 6, 5)
    (regions,) = MaskThreshold().find_regions(paint([small, large]))
    assert boxes(regions) == [large[:4], small[:4]]
    (regions,) = MaskThreshold().find_regions(paint([(0, 0, 5, 4, 5), (6, 4, 8, 5, 5)]))
    assert boxes(regions) == [(0, 0, 5, 4), (6, 4, 8, 5)]


@torch.no_grad()
def test_masks_of_a_vit_are_its_last_attention_or_the_rollout(build):
    backbone = build('vit').backbone
    images = torch.randn(2, 3, 40, 60)
    with record_attentions(backbone) as attentions:
        backbone(images)
    last = attentions[-1][:, :, 0, -40:].unflatten(2, (5, 8))
    each = ClassTokenAttention(heads='each').read_masks(backbone, images, None)
    torch.testing.assert_close(each.masks, last)
    mean = ClassTokenAttention().read_masks(backbone, images, None)
    torch.testing.assert_close(mean.masks[:, 0], last.mean(1))
    rolled = Rollout().read_masks(backbone, images, None)
    torch.testing.assert_close(rolled.masks[:, 0], rollout(attentions, (5, 8)))


def test_last_takes_no_patch_of_the_padding(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(1, 6, 8, 32, generator=generator)
    tokens[0, :, 6:] = 2 + 1e-3 * torch.randn(6, 2, 32, generator=generator)
    padding = torch.zeros(1, 6, 8, dtype=torch.bool)
    padding[:, :, 6:] = True
    read = 'wwt_mm.discovery.methods.last.read_features'
    monkeypatch.setattr(read, lambda *_: (tokens, padding))
    masks, _ = LaSt(top_k=6).read_masks(None, None, None)
    assert not masks[0, 0, :, 6:].any() and masks.sum() == pytest.approx(6)
