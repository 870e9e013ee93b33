"""The search against testing at each threshold, one after the other."""

import pytest
import torch
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from sklearn.metrics import confusion_matrix

META = dict(classes=('background', 'a', 'b', 'c'))


def draw(count=4, seed=0, ties=False):
    generator = torch.Generator().manual_seed(seed)
    samples = []
    for _ in range(count):
        truth = torch.randint(4, (1, 9, 11), generator=generator)
        guess = torch.randint(1, 4, (1, 9, 11), generator=generator)
        right = torch.rand(1, 9, 11, generator=generator) < 0.6
        predicted = torch.where(right & (truth > 0), truth, guess)
        score = torch.rand(1, 9, 11, generator=generator)
        score = torch.where(truth > 0, score.sqrt(), score.square())
        if ties:
            score = (score * 20).round() / 20
        truth[torch.rand(1, 9, 11, generator=generator) < 0.1] = 255
        samples.append(
            dict(
                gt_sem_seg=dict(data=truth),
                pred_score=dict(data=score),
                pred_class=dict(data=predicted),
            )
        )
    return samples


def search(samples, **options):
    metric = METRICS.build(dict(type='ThresholdSearch', **options))
    metric.dataset_meta = META
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def mean_iou_at(samples, threshold):
    """By scikit-learn's confusion matrix."""
    truths, labels = [], []
    for s in samples:
        valid = s['gt_sem_seg']['data'] != 255
        label = s['pred_class']['data'].clone()
        label[s['pred_score']['data'] <= threshold] = 0
        truths.append(s['gt_sem_seg']['data'][valid])
        labels.append(label[valid])
    matrix = confusion_matrix(torch.cat(truths), torch.cat(labels), labels=range(4))
    right = matrix.diagonal()
    return 100 * (right / (matrix.sum(0) + matrix.sum(1) - right)).mean()


@pytest.mark.parametrize('ties', [False, True])
@pytest.mark.parametrize('steps', [10, 20])
def test_the_best_threshold_is_found_with_the_miou_it_gives(ties, steps):
    samples = draw(ties=ties)
    expected = [mean_iou_at(samples, torch.tensor(i / steps)) for i in range(steps + 1)]
    result = search(samples, steps=steps)
    best = max(range(steps + 1), key=lambda i: expected[i])
    assert result['search/threshold'] == best / steps
    assert result['search/mIoU'] == pytest.approx(expected[best], abs=0.006)


def test_testing_with_the_threshold_found_gives_the_same_miou():
    samples = draw(seed=3)
    result = search(samples)
    metric = IoUMetric()
    metric.dataset_meta = META
    for s in samples:
        label = s['pred_class']['data'].clone()
        label[s['pred_score']['data'] <= result['search/threshold']] = 0
        s['pred_sem_seg'] = dict(data=label)
    metric.process({}, samples)
    tested = metric.evaluate(len(samples))
    assert tested['mIoU'] == pytest.approx(result['search/mIoU'], abs=0.011)


def test_absent_classes_count_nothing():
    truth = torch.tensor([[[0, 0, 1, 1]]])
    sample = dict(
        gt_sem_seg=dict(data=truth),
        pred_score=dict(data=torch.tensor([[[0.1, 0.2, 0.8, 0.9]]])),
        pred_class=dict(data=torch.ones(1, 1, 4, dtype=torch.long)),
    )
    assert search([sample])['search/mIoU'] == 100


def test_all_background_and_all_object_are_among_the_candidates():
    sample = dict(
        gt_sem_seg=dict(data=torch.zeros(1, 1, 3, dtype=torch.long)),
        pred_score=dict(data=torch.tensor([[[0.0, 0.5, 1.0]]])),
        pred_class=dict(data=torch.full((1, 1, 3), 2)),
    )
    assert search([sample]) == {'search/threshold': 1.0, 'search/mIoU': 100.0}
