"""Metric protocols on cases made by hand, in loops, and against pycocotools."""

import contextlib
import io

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from wwt_mm.discovery import CorLoc, DiscoveryRecall
from wwt_mm.errors import ConfigError

OBJECT = (0, 0, 10, 10)
HALF = (0, 0, 10, 5)  # IoU with OBJECT: exactly 0.5
LESS = (0, 0, 10, 4.9)
ELSEWHERE = (50, 50, 60, 60)


def image(truth, predictions, scores=None, image_id='1'):
    """What mmdet hands to a metric for one image."""
    scores = list(range(len(predictions), 0, -1)) if scores is None else scores
    return dict(
        img_id=image_id,
        gt_instances=dict(bboxes=torch.tensor(truth).reshape(-1, 4).float()),
        ignored_instances=dict(bboxes=torch.zeros(0, 4)),
        pred_instances=dict(
            bboxes=torch.tensor(predictions).reshape(-1, 4).float(),
            scores=torch.tensor(scores).float(),
        ),
    )


def evaluate(metric, *images):
    metric.process({}, images)
    return metric.evaluate(len(images))


def test_corloc_is_the_share_of_images_whose_box_overlaps_an_object_by_half():
    result = evaluate(
        CorLoc(),
        image([ELSEWHERE, OBJECT], [HALF]),
        image([OBJECT], [LESS]),
        image([OBJECT], [OBJECT]),
        image([OBJECT], []),
    )
    assert result['discovery/corloc'] == 50
    assert result['discovery/num_images'] == 4


def test_corloc_looks_at_the_box_with_the_highest_score_only():
    result = evaluate(
        CorLoc(),
        image([OBJECT], [OBJECT, ELSEWHERE], [0.1, 0.9]),
        image([OBJECT], [ELSEWHERE, OBJECT], [0.1, 0.9]),
    )
    assert result['discovery/corloc'] == 50
    assert result['discovery/corloc_any'] == 100


def test_images_without_ground_truth_are_skipped():
    images = (image([], [OBJECT]), image([OBJECT], [OBJECT]))
    result = evaluate(CorLoc(), *images)
    assert result['discovery/corloc'] == 100 and result['discovery/num_images'] == 1
    result = evaluate(DiscoveryRecall(), *images)
    assert result['discovery/recall'] == 100
    assert result['discovery/num_predictions'] == 1


def test_recall_pools_the_objects_of_all_images():
    result = evaluate(
        DiscoveryRecall(),
        image([OBJECT, ELSEWHERE, (20, 20, 30, 30)], [OBJECT, HALF]),
        image([OBJECT], [HALF]),
        image([OBJECT], []),
    )
    assert result['discovery/recall'] == pytest.approx(100 * 2 / 5)
    assert result['discovery/num_predictions'] == 1
    assert result['discovery/num_objects'] == 5


def test_one_prediction_finds_two_like_objects_unless_matched_one_to_one():
    twins = image([OBJECT, (0, 0, 10, 9)], [OBJECT])
    assert evaluate(DiscoveryRecall(), twins)['discovery/recall'] == 100
    one_to_one = DiscoveryRecall(matching='one_to_one')
    assert evaluate(one_to_one, twins)['discovery/recall'] == 50


def test_a_one_to_one_matching_is_the_best_possible():
    # Either prediction fits the first object, only the first of them the second.
    truth = [(0, 0, 10, 10), (0, 0, 10, 8)]
    predictions = [(0, 0, 10, 7), (0, 0, 10, 15)]
    result = evaluate(DiscoveryRecall(matching='one_to_one'), image(truth, predictions))
    assert result['discovery/recall'] == 100


def random_images(count=20):
    """Objects that lie apart, and predictions near some of them."""
    rng = np.random.default_rng(0)
    images = []
    for number in range(count):
        cells = rng.choice(9, rng.integers(1, 6), replace=False)
        corners = np.stack(np.divmod(cells, 3), 1) * 100.0 + rng.random((len(cells), 2))
        truth = np.concatenate(
            [corners, corners + rng.uniform(20, 60, (len(cells), 2))], 1
        )
        near = truth[rng.integers(0, len(truth), 8)] + rng.normal(0, 6, (8, 4))
        images.append(image(truth.tolist(), near.tolist(), rng.random(8), str(number)))
    return images


def test_corloc_and_recall_are_those_of_loops():
    images = random_images()
    correct = found = objects = 0
    for sample in images:
        best = sample['pred_instances']['scores'].argmax()
        boxes = sample['pred_instances']['bboxes'].tolist()
        for truth in sample['gt_instances']['bboxes'].tolist():
            objects += 1
            found += any(iou(box, truth) >= 0.5 for box in boxes)
        truths = sample['gt_instances']['bboxes'].tolist()
        correct += any(iou(boxes[best], truth) >= 0.5 for truth in truths)
    assert 0 < correct < len(images) and 0 < found < objects
    result = evaluate(CorLoc(), *images)
    assert result['discovery/corloc'] == pytest.approx(100 * correct / len(images))
    result = evaluate(DiscoveryRecall(), *images)
    assert result['discovery/recall'] == pytest.approx(100 * found / objects)


def iou(first, second):
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    common = max(width, 0) * max(height, 0)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (first, second)]
    return common / (sum(areas) - common)


def test_recall_is_that_of_pycocotools():
    images = random_images()
    found = [
        dict(image_id=sample['img_id'], category_id=1, bbox=[x1, y1, x2 - x1, y2 - y1])
        | dict(score=score)
        for sample in images
        for (x1, y1, x2, y2), score in zip(
            sample['pred_instances']['bboxes'].tolist(),
            sample['pred_instances']['scores'].tolist(),
        )
    ]
    truth = [
        (sample['img_id'], box)
        for sample in images
        for box in sample['gt_instances']['bboxes'].tolist()
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = dict(
            images=[dict(id=sample['img_id']) for sample in images],
            categories=[dict(id=1)],
            annotations=[
                dict(
                    id=number,
                    image_id=image_id,
                    category_id=1,
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    area=(x2 - x1) * (y2 - y1),
                    iscrowd=0,
                )
                for number, (image_id, (x1, y1, x2, y2)) in enumerate(truth, start=1)
            ],
        )
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), 'bbox')
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.evaluate()
        evaluation.accumulate()
    expected = 100 * evaluation.eval['recall'][0, 0, 0, -1]
    # Its greedy matching is the best one, as the objects lie apart.
    result = evaluate(DiscoveryRecall(matching='one_to_one'), *images)
    assert result['discovery/recall'] == pytest.approx(expected)


def test_images_count_if_all_of_their_objects_are_small():
    # Of 20 x 20 pixels: OBJECT covers a quarter, the other one 40 %.
    large = (0, 0, 20, 8)
    images = [
        image([OBJECT], [OBJECT]) | dict(ori_shape=(20, 20)),
        image([OBJECT], [ELSEWHERE]) | dict(ori_shape=(20, 20, 3)),
        image([OBJECT, large], [large]) | dict(ori_shape=(20, 20)),
    ]
    small = dict(max_object_area=0.4, prefix='small')
    result = evaluate(CorLoc(**small), *images)
    assert result == {
        'small/corloc': 50,
        'small/corloc_any': 50,
        'small/num_images': 2,
    }
    assert evaluate(DiscoveryRecall(**small), *images)['small/num_objects'] == 2
    assert evaluate(CorLoc(), *images)['discovery/num_images'] == 3
    larger = CorLoc(max_object_area=0.41)
    assert evaluate(larger, *images)['discovery/num_images'] == 3


def test_images_that_a_sampler_repeats_count_once():
    skipped, missed = image([], [OBJECT]), image([OBJECT], [ELSEWHERE])
    hit = image([OBJECT], [OBJECT])
    for metric in (CorLoc(), DiscoveryRecall()):
        metric.process({}, [skipped, hit, missed, skipped, hit])  # of a dataset of 3
        result = metric.evaluate(3)
        assert 50 in result.values()


def test_metrics_without_images_are_0():
    assert CorLoc().compute_metrics([]) == dict(corloc=0, corloc_any=0, num_images=0)
    assert DiscoveryRecall().compute_metrics([])['recall'] == 0


def test_options_out_of_range_are_errors():
    with pytest.raises(ConfigError, match='iou_thr'):
        CorLoc(iou_thr=50)
    with pytest.raises(ConfigError, match='max_object_area=40'):
        DiscoveryRecall(max_object_area=40)
    with pytest.raises(ConfigError, match='matching'):
        DiscoveryRecall(matching='greedy')
