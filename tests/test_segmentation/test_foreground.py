"""Objects against the background, and metrics by class."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from wwt_mm.detection import ClassAPMetric
from wwt_mm.segmentation import ClassIoUMetric, ForegroundLabels, WeakSegmentor


@MODELS.register_module()
class Nothing(torch.nn.Module):
    """Neither backbone nor head."""


class Fixed(WeakSegmentor):
    """Finds class 2 of 3 in the upper left quarter."""

    def __init__(self, **options):
        nothing = dict(type='Nothing')
        super().__init__(nothing, nothing, num_classes=3, patch_size=1, **options)

    def explain(self, inputs, padding_mask=None):
        maps = torch.zeros(1, 3, 4, 4)
        maps[:, 1, :2, :2] = 1
        return torch.tensor([[0.1, 0.7, 0.2]]), maps


@pytest.mark.parametrize('foreground, label', [(False, 2), (True, 1)])
def test_foreground_has_the_label_1_whatever_the_class(foreground, label):
    model = Fixed(foreground=foreground)
    (sample,) = model.predict(torch.zeros(1, 3, 4, 4))
    expected = torch.zeros(1, 4, 4, dtype=torch.long)
    expected[:, :2, :2] = label
    assert (sample.pred_sem_seg.data == expected).all()
    assert (sample.pred_class.data == label).all()


def test_labels_of_all_classes_become_1_and_void_stays():
    labels = np.array([[0, 3, 255], [20, 0, 1]], np.uint8)
    result = ForegroundLabels()(dict(gt_seg_map=labels))['gt_seg_map']
    assert result.tolist() == [[0, 1, 255], [1, 0, 1]] and result.dtype == np.uint8
    assert ForegroundLabels()(dict(img=1)) == dict(img=1)


def test_iou_of_each_class_is_a_result():
    truth = torch.tensor([[[0, 0, 1, 1, 255]]])
    found = torch.tensor([[[0, 1, 1, 1, 0]]])
    sample = SegDataSample(
        gt_sem_seg=PixelData(data=truth), pred_sem_seg=PixelData(data=found)
    )
    metric = ClassIoUMetric(iou_metrics=['mIoU'])
    metric.dataset_meta = dict(classes=('ground', 'cat', 'dog'))
    metric.process({}, [sample.to_dict()])
    result = metric.evaluate(1)
    assert result['IoU.ground'] == pytest.approx(50)
    assert result['IoU.cat'] == pytest.approx(200 / 3)
    assert np.isnan(result['IoU.dog'])
    assert result['mIoU'] == pytest.approx((50 + 200 / 3) / 2, abs=0.01)


def test_ap_of_each_class_is_a_result():
    def instances(boxes, labels, **more):
        return dict(
            bboxes=torch.tensor(boxes).float(), labels=torch.tensor(labels), **more
        )

    # The cat is found first; of two dogs one, behind a wrong box: AP 1 and 1/2 * 1/2.
    cat, dog, other, nothing = (
        (0, 0, 9, 9),
        (20, 20, 39, 39),
        (50, 50, 69, 69),
        (80, 0, 99, 9),
    )
    sample = dict(
        gt_instances=instances([cat, dog, other], [0, 1, 1]),
        ignored_instances=instances(np.zeros((0, 4)), np.zeros(0, int)),
        pred_instances=instances(
            [cat, nothing, dog], [0, 1, 1], scores=torch.tensor([0.9, 0.8, 0.7])
        ),
    )
    metric = ClassAPMetric(eval_mode='area')
    metric.dataset_meta = dict(classes=('cat', 'dog'))
    metric.process({}, [sample])
    result = metric.evaluate(1)
    assert result['pascal_voc/AP50.cat'] == pytest.approx(1)
    assert result['pascal_voc/AP50.dog'] == pytest.approx(0.25)
    assert result['pascal_voc/mAP'] == pytest.approx(0.625)
