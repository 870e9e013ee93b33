import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from mmengine.runner import Runner
from torch import nn

from wwt_mm.errors import CheckpointError
from wwt_mm.guards import (
    AtomicCheckpointHook,
    AtomicLocalBackend,
    find_resumable_checkpoint,
)


@DATASETS.register_module(force=True)
class FourNumbers(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([float(index)]))


@MODELS.register_module(force=True)
class OneWeight(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, inputs, mode='loss'):
        if mode == 'loss':
            return dict(loss=self.layer(torch.stack(list(inputs))).square().mean())
        return list(inputs)


@METRICS.register_module(force=True)
class ScriptedMetric(BaseMetric):
    """Gives the scores of a list, one for each evaluation."""

    def __init__(self, scores):
        super().__init__()
        self.scores = iter(scores)

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return dict(acc=next(self.scores))


def build_runner(work_dir, epochs=4, scores=(1, 3, 2, 4), resume=False, **options):
    loader = dict(
        dataset=dict(type='FourNumbers'),
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=2,
        num_workers=0,
    )
    return Runner.from_cfg(
        Config(
            dict(
                model=dict(type='OneWeight'),
                work_dir=str(work_dir),
                experiment_name=f'{work_dir}_{epochs}_{resume}',
                train_dataloader=loader,
                val_dataloader=loader,
                train_cfg=dict(by_epoch=True, max_epochs=epochs),
                val_cfg=dict(),
                val_evaluator=dict(type='ScriptedMetric', scores=scores),
                optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
                default_hooks=dict(
                    checkpoint=dict(type='AtomicCheckpointHook', **options)
                ),
                resume=resume,
                load_from=find_resumable_checkpoint(work_dir) if resume else None,
                log_level='WARNING',
            )
        )
    )


def list_checkpoints(work_dir):
    return sorted(path.name for path in Path(work_dir).glob('*.pth'))


def watch_steps(monkeypatch, work_dir):
    """Lists the checkpoints that are there before and after each change of a file."""
    states = []

    def watch(function):
        def watched(*args, **kwargs):
            states.append(list_checkpoints(work_dir))
            result = function(*args, **kwargs)
            states.append(list_checkpoints(work_dir))
            return result

        return watched

    for name in ('replace', 'remove'):
        monkeypatch.setattr(os, name, watch(getattr(os, name)))
    return states


def test_the_newest_checkpoints_are_kept_and_the_last_is_named(tmp_path):
    build_runner(tmp_path, interval=1, max_keep_ckpts=2).train()
    assert list_checkpoints(tmp_path) == ['epoch_3.pth', 'epoch_4.pth']
    assert find_resumable_checkpoint(tmp_path) == str(tmp_path / 'epoch_4.pth')


def test_there_is_a_whole_checkpoint_at_every_moment(tmp_path, monkeypatch):
    states = watch_steps(monkeypatch, tmp_path)
    build_runner(tmp_path, interval=1, max_keep_ckpts=1).train()
    first = states.index(['epoch_1.pth'])
    assert all(states[first:])
    assert states[-1] == ['epoch_4.pth']


def test_the_best_checkpoint_is_there_until_a_better_one_is(tmp_path, monkeypatch):
    states = watch_steps(monkeypatch, tmp_path)
    build_runner(
        tmp_path, interval=1, max_keep_ckpts=1, save_best='acc', rule='greater'
    ).train()
    best = [[name for name in state if name.startswith('best')] for state in states]
    first = best.index(['best_acc_epoch_1.pth'])
    assert all(best[first:])
    assert best[-1] == ['best_acc_epoch_4.pth']


def test_a_best_checkpoint_of_the_same_name_is_not_removed(tmp_path):
    runner = build_runner(tmp_path, epochs=1, save_best='acc', rule='greater')
    runner.train()
    hook = next(h for h in runner.hooks if isinstance(h, AtomicCheckpointHook))
    hook.after_val_epoch(runner, dict(acc=9))
    assert 'best_acc_epoch_1.pth' in list_checkpoints(tmp_path)


def test_a_resumed_run_removes_what_a_killed_one_could_not(tmp_path, monkeypatch):
    def is_killed(*args):
        raise KeyboardInterrupt

    runner = build_runner(tmp_path, interval=1, max_keep_ckpts=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(AtomicLocalBackend, 'remove', is_killed)
        runner.train()
    (tmp_path / '.epoch_3.pth.tmp').write_bytes(b'half')
    assert list_checkpoints(tmp_path) == ['epoch_1.pth', 'epoch_2.pth']
    build_runner(tmp_path, interval=1, max_keep_ckpts=1, resume=True).train()
    assert list_checkpoints(tmp_path) == ['epoch_4.pth']
    assert not list(tmp_path.glob('.*.tmp'))


def test_checkpoints_load_with_weights_only(tmp_path, monkeypatch):
    build_runner(tmp_path, interval=1, save_best='acc', rule='greater').train()
    load = torch.load

    def load_safely(*args, weights_only=None, **kwargs):
        assert weights_only is not False
        return load(*args, weights_only=True, **kwargs)

    monkeypatch.setattr(torch, 'load', load_safely)
    resumed = build_runner(tmp_path, epochs=5, scores=[9], resume=True)
    resumed.train()
    assert resumed.epoch == 5


def test_a_run_without_checkpoints_has_none_to_resume_from(tmp_path):
    assert find_resumable_checkpoint(tmp_path) is None
    assert find_resumable_checkpoint(tmp_path / 'nowhere') is None


def test_the_pointer_still_serves_when_the_folder_was_moved(tmp_path):
    (tmp_path / 'last_checkpoint').write_text('/formerly/here/epoch_7.pth')
    (tmp_path / 'epoch_7.pth').touch()
    assert find_resumable_checkpoint(tmp_path) == str(tmp_path / 'epoch_7.pth')


@pytest.mark.parametrize('content', ['', '/formerly/here/epoch_7.pth'])
def test_a_pointer_to_nothing_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / 'last_checkpoint').write_text(content)
    with pytest.raises(CheckpointError, match='last_checkpoint names'):
        find_resumable_checkpoint(tmp_path)
