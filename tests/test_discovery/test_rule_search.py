"""The best rule on training images, against testing with each rule."""

import pytest
import torch
from mmengine.structures import InstanceData

from wwt_mm.discovery import CorLoc, EachRule, RuleSearch
from wwt_mm.discovery.rule_search import RULES
from wwt_mm.errors import ConfigError


@pytest.mark.parametrize('top', [1, 3])
def test_each_rule_gives_its_own_first_regions_in_one_pass(build, sample, top):
    torch.manual_seed(0)
    images, samples = torch.randn(3, 3, 64, 64), [sample(64, 64) for _ in range(3)]
    inner = dict(type='MaskThreshold')
    each = dict(_delete_=True, type='EachRule', method=inner, top=top)
    model = build('wwt', method=each)
    found = [s.pred_instances.clone() for s in model.predict(images, samples)]
    assert max(len(instances) for instances in found) > len(RULES) / 2
    for number in (0, 7, len(RULES) - 1):
        single = build('wwt', method=dict(_delete_=True, **inner, **RULES[number]))
        for instances, result in zip(
            found, single.predict(images, samples), strict=True
        ):
            boxes = instances.bboxes[instances.sources == number]
            assert boxes.tolist() == result.pred_instances.bboxes[:top].tolist()


def test_a_limit_over_all_rules_is_refused(build):
    each = dict(_delete_=True, type='EachRule', method=dict(type='MaskThreshold'))
    with pytest.raises(ConfigError, match='EachRule needs max_per_img=None'):
        build('wwt', method=each, max_per_img=16)


def test_an_image_without_any_region_has_none(build):
    flat = EachRule(dict(type='MaskThreshold'))
    flat.methods[0].read_masks = lambda *_: (torch.zeros(1, 4, 8, 8), None)
    (regions,) = flat(None, None)
    assert regions.boxes.shape == (0, 4) and regions.masks.shape == (0, 8, 8)


def image(truth, *predictions):
    """An image of 20 x 20 pixels, and boxes with the numbers of their rules."""
    predicted = InstanceData(
        bboxes=torch.tensor([box for _, box in predictions]).reshape(-1, 4).float(),
        sources=torch.tensor([rule for rule, _ in predictions]).long(),
        scores=torch.ones(len(predictions)),
    )
    return dict(
        ori_shape=(20, 20),
        gt_instances=dict(bboxes=torch.tensor(truth).reshape(-1, 4).float()),
        pred_instances=predicted,
    )


BOX, OTHER, LARGE = (0, 0, 8, 8), (10, 10, 18, 18), (0, 0, 20, 20)


def test_the_rule_that_is_right_most_often_is_the_best():
    images = [
        image([BOX], (3, BOX), (5, OTHER)),
        image([OTHER, BOX], (3, OTHER), (5, OTHER)),
        image([BOX], (5, BOX)),
        image([BOX], (3, BOX)),
        image([LARGE], (5, LARGE)),
        image([], (5, LARGE)),
    ]
    metric = RuleSearch(max_object_area=0.4)
    metric.process({}, images)
    result = metric.evaluate(len(images))
    assert result.pop('rule/corloc') == 75
    assert result == {f'rule/{name}': value for name, value in RULES[3].items()}
    # Others mmengine's log does not keep.
    assert all(isinstance(value, str | float) for value in result.values())


def test_or_the_rule_that_finds_most_objects_is_the_best():
    metric = RuleSearch(objective='recall')
    images = [
        image([BOX], (5, BOX)),
        image([], (5, BOX)),
        image([OTHER], (5, OTHER)),
        image(
            [BOX, OTHER, LARGE], (2, LARGE), (2, OTHER), (3, BOX), (2, BOX), (3, BOX)
        ),
    ]
    metric.process({}, images)
    result = metric.evaluate(len(images))
    assert result.pop('rule/recall') == 60
    assert result == {f'rule/{name}': value for name, value in RULES[2].items()}
    with pytest.raises(ConfigError, match="objective='mean' is unknown"):
        RuleSearch(objective='mean')


def test_its_corloc_is_that_of_testing_with_the_rule():
    images = [image([BOX], (0, BOX)), image([BOX], (0, OTHER)), image([OTHER])]
    corlocs = []
    for metric in (RuleSearch(), CorLoc(prefix='rule')):
        metric.process({}, images)
        corlocs.append(metric.evaluate(len(images))['rule/corloc'])
    assert corlocs[0] == pytest.approx(corlocs[1]) == pytest.approx(100 / 3)


def test_methods_without_masks_have_no_rules():
    with pytest.raises(ConfigError, match='LOST thresholds no masks'):
        EachRule(dict(type='LOST'))
