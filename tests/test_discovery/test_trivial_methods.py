"""Boxes that look at no pixel, on grids of patches."""

import numpy as np
import pytest
import torch
from mmdet.registry import TASK_UTILS

from wwt_mm.discovery import CentreBox, RandomBoxes
from wwt_mm.errors import ConfigError


def test_a_box_of_half_the_side_lies_in_the_middle(build, sample):
    model = build('wwt', method=dict(_delete_=True, type='CentreBox', side=0.5))
    (result,) = model.predict(torch.zeros(1, 3, 64, 64), [sample(64, 64)])
    assert result.pred_instances.bboxes.tolist() == [[16, 16, 48, 48]]
    assert result.pred_instances.scores.tolist() == [1]


@pytest.mark.parametrize('family', ['wwt', 'vit'])
def test_a_box_of_the_whole_image_leaves_padding_out(build, sample, family):
    model = build(family, method=dict(_delete_=True, type='CentreBox'))
    samples = [sample(64, 64), sample(30, 40, 0.5)]
    results = model.predict(torch.zeros(2, 3, 64, 64), samples)
    boxes = [result.pred_instances.bboxes.tolist() for result in results]
    assert boxes == [[[0, 0, 64, 64]], [[0, 0, 80, 60]]]


def test_boxes_are_at_least_a_patch_and_masks_fill_them(build):
    backbone = build('wwt').backbone
    (regions,) = CentreBox(0.01)(backbone, torch.zeros(1, 3, 24, 40))
    assert regions.boxes.tolist() == [[2, 1, 3, 2]]
    assert regions.masks.sum() == 1 and regions.masks[0, 1, 2]


def test_random_boxes_are_as_many_as_those_of_the_other_method(build, sample):
    torch.manual_seed(0)
    images, samples = torch.randn(4, 3, 64, 64), [sample(64, 64)] * 4
    counts = []
    inner = dict(type='MaskThreshold', normalise='min_max', threshold=0.5)
    for method in (inner, dict(type='RandomBoxes', method=inner)):
        model = build('wwt', method=dict(_delete_=True, **method))
        results = model.predict(images, samples)
        counts.append([len(result.pred_instances.bboxes) for result in results])
    assert counts[0] == counts[1] and min(counts[0]) > 0


class Many:
    """Stands for a method that finds 20,000 regions."""

    def __call__(self, backbone, images, padding_mask=None):
        return [type('R', (), dict(scores=np.zeros(20_000)))()]


def test_all_random_boxes_are_equally_likely(build):
    TASK_UTILS.register_module(module=Many, force=True)
    backbone = build('wwt').backbone
    image = torch.zeros(1, 3, 16, 24)  # 2 x 3 patches: 3 pairs of rows, 6 of columns
    (regions,) = RandomBoxes(dict(type='Many'))(backbone, image)
    boxes, counts = np.unique(regions.boxes, axis=0, return_counts=True)
    assert len(boxes) == 18
    expected = 20_000 / 18
    assert abs(counts - expected).max() < 5 * expected**0.5
    again = RandomBoxes(dict(type='Many'))(backbone, image)[0]
    assert (again.boxes == regions.boxes).all()


@pytest.mark.parametrize('side', [0, -0.5, 1.1])
def test_sides_are_shares(side):
    with pytest.raises(ConfigError, match='side='):
        CentreBox(side)
