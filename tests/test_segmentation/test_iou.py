"""The IoU that the configs report, against independent implementations."""

import numpy as np
import pytest
import torch
from mmseg.registry import METRICS
from sklearn.metrics import jaccard_score
from torchmetrics.functional.classification import multiclass_jaccard_index

NAMES = tuple(f'class {i}' for i in range(21))


def evaluate(truths, labels, names=NAMES, **options):
    metric = METRICS.build(dict(type='IoUMetric') | options)
    metric.dataset_meta = dict(classes=names)
    for truth, label in zip(truths, labels, strict=True):
        metric.process(
            {},
            [
                dict(
                    gt_sem_seg=dict(data=truth[None]),
                    pred_sem_seg=dict(data=label[None]),
                )
            ],
        )
    return metric.evaluate(len(truths))['mIoU']


def draw(classes, count=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    truths = torch.randint(classes, (count, 20, 30), generator=generator)
    guesses = torch.randint(classes, (count, 20, 30), generator=generator)
    right = torch.rand(count, 20, 30, generator=generator) < 0.7
    return truths, torch.where(right, truths, guesses)


def test_miou_of_voc_agrees_with_torchmetrics(shrunk_config):
    truths, labels = draw(21)
    truths[torch.rand(truths.shape) < 0.1] = 255
    expected = multiclass_jaccard_index(labels, truths, 21, ignore_index=255)
    found = evaluate(truths, labels, **shrunk_config().test_evaluator)
    assert found == pytest.approx(100 * float(expected), abs=0.006)


def test_miou_counts_only_classes_that_are_present_or_predicted():
    truths, labels = draw(6)
    expected = jaccard_score(
        truths.flatten(), labels.flatten(), labels=range(6), average='macro'
    )
    assert evaluate(truths, labels) == pytest.approx(100 * expected, abs=0.006)


def test_miou_of_a_case_worked_out_by_hand():
    truth = torch.tensor([[0, 0, 1, 1, 255]])
    label = torch.tensor([[0, 1, 1, 1, 0]])
    # Class 0: 1 of 2 pixels. Class 1: 2 of 3.
    expected = 100 * np.mean([1 / 2, 2 / 3])
    assert evaluate([truth], [label]) == pytest.approx(expected, abs=0.006)
