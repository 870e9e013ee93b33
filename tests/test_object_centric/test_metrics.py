"""Metrics against cases made by hand and an independent adjusted Rand index."""

import numpy as np
import pytest
import torch
from mmengine.registry import METRICS
from sklearn.metrics import adjusted_rand_score


def evaluate(kind, *images):
    """Runs a metric on images (segments, objects, classes)."""
    metric = METRICS.build(dict(type=kind))
    for image in images:
        maps = [torch.as_tensor(np.asarray(part))[None].long() for part in image]
        names = ('pred_sem_seg', 'gt_instance_map', 'gt_sem_seg')
        metric.process(
            {}, [{n: dict(data=m) for n, m in zip(names, maps, strict=True)}]
        )
    return metric.evaluate(len(images))


def random_image(seed, shape=(20, 30), segments=5, objects=4):
    rng = np.random.default_rng(seed)
    instances = rng.integers(0, objects + 1, shape)
    classes = np.where(instances == 255, 255, (instances + 1) // 2)  # two share one
    instances[:3], classes[:3] = 255, 255
    guess = np.where(rng.random(shape) < 0.5, instances % segments, 0)
    return guess, instances, classes


def best_overlap_by_masks(predicted, truth):
    valid = truth != 255
    best = []
    for label in np.unique(truth[valid & (truth > 0)]):
        there = (truth == label) & valid
        ious = [
            (there & (predicted == k) & valid).sum()
            / (there | ((predicted == k) & valid)).sum()
            for k in np.unique(predicted)
        ]
        best.append(max(ious))
    return np.mean(best)


def test_perfect_segments_have_full_overlap():
    image = [[0, 1, 2, 2]], [[0, 1, 2, 2]], [[0, 5, 5, 5]]
    metrics = evaluate('MeanBestOverlap', image)
    assert metrics['objects/mBO_i'] == pytest.approx(100)
    # the class reaches over segments 1 and 2: the better has 2 of its 3 pixels
    assert metrics['objects/mBO_c'] == pytest.approx(100 * 2 / 3)


def test_background_counts_in_unions_but_is_no_object():
    # segment 0 holds the object and two pixels of background
    image = [[0, 0, 0, 1]], [[1, 0, 0, 0]], [[1, 0, 0, 0]]
    assert evaluate('MeanBestOverlap', image)['objects/mBO_i'] == pytest.approx(100 / 3)


def test_void_pixels_belong_to_nothing():
    image = [[0, 0, 0, 1]], [[1, 255, 255, 0]], [[1, 255, 255, 0]]
    assert evaluate('MeanBestOverlap', image)['objects/mBO_i'] == pytest.approx(100)


def test_one_segment_may_serve_several_objects():
    image = [[0, 0, 0, 0]], [[1, 1, 2, 2]], [[1, 1, 1, 1]]
    metrics = evaluate('MeanBestOverlap', image)
    assert metrics['objects/mBO_i'] == pytest.approx(50)
    assert metrics['objects/mBO_c'] == pytest.approx(100)


def test_the_mean_is_over_objects_then_images_and_skips_empty_ones():
    one = [[0, 1]], [[1, 0]], [[1, 0]]  # 100
    two = [[0, 0, 0, 0]], [[1, 1, 2, 2]], [[1, 1, 2, 2]]  # 50, two objects
    empty = [[0, 1]], [[0, 0]], [[0, 0]]
    void = [[0, 1]], [[255, 255]], [[255, 255]]
    metrics = evaluate('MeanBestOverlap', one, two, empty, void)
    assert metrics['objects/mBO_i'] == pytest.approx(75)
    assert metrics['objects/num_images'] == 2


@pytest.mark.parametrize('seed', range(3))
def test_overlaps_are_those_of_boolean_masks(seed):
    image = random_image(seed)
    metrics = evaluate('MeanBestOverlap', image)
    for key, truth in (('mBO_i', image[1]), ('mBO_c', image[2])):
        expected = 100 * best_overlap_by_masks(image[0], truth)
        assert metrics[f'objects/{key}'] == pytest.approx(expected)


@pytest.mark.parametrize('seed', range(3))
def test_ari_is_that_of_scikit_learn_on_foreground(seed):
    predicted, instances, classes = random_image(seed)
    foreground = (instances > 0) & (instances != 255)
    expected = adjusted_rand_score(instances[foreground], predicted[foreground])
    found = evaluate('ForegroundARI', (predicted, instances, classes))
    assert found['objects/FG-ARI'] == pytest.approx(100 * expected)


@pytest.mark.parametrize(
    'predicted, instances',
    [
        ([[3, 3, 3]], [[1, 1, 0]]),  # one part each
        ([[0, 1, 2]], [[1, 2, 3]]),  # single pixels each
        ([[0, 0, 1, 1]], [[2, 2, 1, 1]]),
        ([[0, 1, 0, 1]], [[1, 1, 2, 2]]),
        ([[0, 5]], [[1, 0]]),  # one pixel
    ],
)
def test_ari_of_trivial_partitions_is_that_of_scikit_learn(predicted, instances):
    keep = np.array(instances) > 0
    expected = adjusted_rand_score(np.array(instances)[keep], np.array(predicted)[keep])
    found = evaluate('ForegroundARI', (predicted, instances, instances))
    assert found['objects/FG-ARI'] == pytest.approx(100 * expected)


def test_no_objects_at_all_give_zero():
    image = [[0, 1]], [[0, 255]], [[0, 255]]
    assert evaluate('ForegroundARI', image)['objects/FG-ARI'] == 0
    assert evaluate('MeanBestOverlap', image)['objects/mBO_i'] == 0


def test_slots_in_use_count_equal_shares_and_hardly_stray_pixels():
    halves = [[4, 4, 7, 7]], [[0, 0, 0, 1]], [[0, 0, 0, 1]]
    one = [[2, 2, 2, 3]], [[0, 1, 1, 255]], [[0, 1, 1, 255]]  # the other is void
    void = [[0, 1]], [[255, 255]], [[255, 255]]
    found = evaluate('SlotsInUse', halves, one, void)
    assert found['objects/slots_in_use'] == pytest.approx((2 + 1) / 2)
    stray = [[0] * 99 + [5]], [[0] * 100], [[0] * 100]
    expected = 0.99**-0.99 * 0.01**-0.01
    found = evaluate('SlotsInUse', stray)['objects/slots_in_use']
    assert found == pytest.approx(expected) and found < 1.06
