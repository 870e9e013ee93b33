"""A loss that is not finite reaches no weight, and is told with its images."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from wwt_mm.detection import FiniteHungarianAssigner
from wwt_mm.engine import cli, load_config
from wwt_mm.errors import ConfigError, InvalidLossError
from wwt_mm.guards import InvalidLossHook

from .small import CLASSIFICATION, DETECTION, options


@pytest.fixture
def build(isolated, tmp_path, classification_root, scenes_root):
    """Builds a runner for training on few scenes."""

    def run(config=CLASSIFICATION, **hook):
        root = classification_root if config == CLASSIFICATION else scenes_root
        _, *texts = options(root, batch_size=10 if root == classification_root else 4)
        changes = dict(text.split('=', 1) for text in texts)
        for key, value in changes.items():
            changes[key] = int(value) if value.isdigit() else value
        cfg = load_config(config, changes)
        cfg.work_dir = str(tmp_path / 'work')
        cfg.launcher = 'none'
        cfg.randomness = dict(seed=1)
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        for each in cfg.custom_hooks:
            if each.type.endswith('InvalidLossHook'):
                each.update(hook)
        cli.complete_dataloaders(cfg)
        return cli.build_runner(cfg)

    return run


def spoil_loss(runner, iteration):
    """Makes one loss term NaN in an iteration; returns the weights before it."""
    loss, before = runner.model.loss, {}

    def spoiled(inputs, data_samples):
        losses = loss(inputs, data_samples)
        if runner.iter == iteration:
            before.update({k: v.clone() for k, v in runner.model.state_dict().items()})
            losses['loss_cls'] = losses['loss_cls'] * float('nan')
        return losses

    runner.model.loss = spoiled
    return before


def equal(first, second):
    return all(torch.equal(first[key], second[key]) for key in first)


def test_training_stops_before_the_weights_are_harmed(build, tmp_path):
    runner = build()
    before = spoil_loss(runner, 1)
    with pytest.raises(InvalidLossError) as error:
        runner.train()
    message = str(error.value)
    assert '\n' not in message
    assert 'iteration 2: loss_cls is nan' in message
    assert '/train/' in message and '.jpg' in message
    assert "action='skip'" in message
    saved = torch.load(tmp_path / 'work/invalid_loss_iter_2.pth', weights_only=False)
    assert saved['meta']['iter'] == 1
    assert equal(before, saved['state_dict'])
    assert 'optimizer' in saved


def test_a_batch_can_be_skipped(build):
    runner = build(action='skip')
    before = spoil_loss(runner, 1)
    runner.train()
    assert runner.iter == 2
    assert equal(before, runner.model.state_dict())
    assert 'train_step' not in vars(runner.model)  # as it was


def test_skipping_has_a_limit(build):
    runner = build(action='skip', limit=0)
    spoil_loss(runner, 0)
    with pytest.raises(InvalidLossError, match='iteration 1'):
        runner.train()


def test_what_is_not_finite_in_a_matching_is_told_with_iteration_and_images(build):
    runner = build(DETECTION)
    with torch.no_grad():
        for parameter in runner.model.bbox_head.parameters():
            parameter.fill_(float('nan'))
    with pytest.raises(InvalidLossError) as error:
        runner.train()
    assert 'iteration 1: loss_cls is nan' in str(error.value)
    assert 'JPEGImages' in str(error.value)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
def test_costs_that_are_not_finite_leave_the_other_matches(value):
    with DefaultScope.overwrite_default_scope('mmdet'):
        costs = [dict(type='BBoxL1Cost', weight=1.0), dict(type='IoUCost')]
        assigner = FiniteHungarianAssigner(costs)
    boxes = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 3], [0, 0, 1, 1]])
    truth = InstanceData(bboxes=boxes[:2].clone(), labels=torch.tensor([0, 1]))
    boxes[1] *= value
    result = assigner.assign(InstanceData(bboxes=boxes), truth, dict(img_shape=(4, 4)))
    assert result.gt_inds.tolist() == [1, 0, 2]


def test_an_unknown_action_is_an_error():
    with pytest.raises(ConfigError, match="action='ignore'"):
        InvalidLossHook('ignore')
