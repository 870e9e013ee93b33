"""A run that is killed, at any moment, goes on as if nothing had happened."""

import os
import signal

import pytest

from wwt_mm.guards import atomic

from .small_runs import DETECTION, assert_equal_states, load, shrink_detection

EPOCHS = 4
KILLED = -signal.SIGKILL


def kill_within_fourth_epoch():
    """Dies in the middle of an epoch, between two optimizer steps."""
    from mmengine.optim import OptimWrapper

    update = OptimWrapper.update_params
    updates = []

    def update_or_die(*args, **kwargs):
        updates.append(1)
        if len(updates) == 5:  # the third epoch, of three batches, is repeated first
            os.kill(os.getpid(), signal.SIGKILL)
        return update(*args, **kwargs)

    OptimWrapper.update_params = update_or_die


def kill_while_writing_second_checkpoint():
    """Dies when half of the checkpoint's bytes are written."""
    flush = os.fsync
    files = []

    def write_half_and_die(descriptor):
        name = os.readlink(f'/proc/self/fd/{descriptor}')
        files.append(name)
        if 'epoch_2' in name:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        flush(descriptor)

    atomic.os.fsync = write_half_and_die


def kill_before_naming_third_checkpoint():
    """Dies when the checkpoint is there, and ``last_checkpoint`` not yet."""
    replace = os.replace

    def die_instead(source, target):
        if str(target).endswith('last_checkpoint') and 'epoch_3' in open(source).read():
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    atomic.os.replace = die_instead


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('runs')


@pytest.fixture(scope='module')
def uninterrupted(folder, scenes_root, run_tool):
    work_dir = folder / 'uninterrupted'
    options = shrink_detection(scenes_root, EPOCHS)
    run_tool('train', DETECTION, '--work-dir', work_dir, '--seed=3', *options).check()
    return load(work_dir / f'epoch_{EPOCHS}.pth')


def test_a_run_killed_three_times_ends_as_an_uninterrupted_one(
    folder, scenes_root, run_tool, uninterrupted
):
    work_dir = folder / 'killed'
    arguments = [DETECTION, '--work-dir', work_dir, '--resume']
    arguments += shrink_detection(scenes_root, EPOCHS)

    # Nothing to resume from yet, and the seed is given only now.
    catastrophes = [
        (kill_while_writing_second_checkpoint, ['epoch_1.pth']),
        (kill_before_naming_third_checkpoint, ['epoch_1.pth', *_numbers(2, 3)]),
        (kill_within_fourth_epoch, ['epoch_1.pth', *_numbers(2, 3)]),
    ]
    seed = ['--seed=3']
    for catastrophe, checkpoints in catastrophes:
        run = run_tool('train', *arguments, *seed, before=catastrophe)
        assert run.code == KILLED, run.output[-3000:]
        assert sorted(path.name for path in work_dir.glob('*.pth')) == checkpoints
        for path in work_dir.glob('*.pth'):
            load(path)  # each is whole
        seed = []
    # The write that was cut short has left its half, which nothing takes for a whole.
    run_tool('train', *arguments).check()
    assert not list(work_dir.glob('.*.tmp'))

    resumed = load(work_dir / f'epoch_{EPOCHS}.pth')
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_equal_states(resumed[part], uninterrupted[part])


def _numbers(*epochs):
    return [f'epoch_{epoch}.pth' for epoch in epochs]
