"""Two processes without a GPU do what one does with the same batch."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tool_process import CPU_ONLY, REPOSITORY, free_port

from .small_runs import (
    DETECTION,
    assert_equal_states,
    load,
    read_losses,
    read_metrics,
    shrink_detection,
)

EPOCHS = 2


def start_script(folder, name, *arguments):
    """Starts a script of tools/ as a user would, on a free port, with a log file."""
    with open(folder / f'{name}.log', 'w') as log:
        return subprocess.Popen(
            [str(REPOSITORY / 'tools' / name), *map(str, arguments)],
            env={
                **os.environ,
                **CPU_ONLY,
                'PORT': str(free_port()),
                'PYTHON': sys.executable,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )


def run_script(folder, name, *arguments):
    """Runs a script to its end, which must be a good one."""
    code = start_script(folder, name, *arguments).wait(timeout=600)
    assert code == 0, (folder / f'{name}.log').read_text()[-6000:]


def find_rank(launcher, rank):
    """Returns the process id of one of the processes that torchrun has started."""
    for pid in Path(f'/proc/{launcher}/task/{launcher}/children').read_text().split():
        if f'RANK={rank}' in Path(f'/proc/{pid}/environ').read_text().split('\0'):
            return int(pid)
    raise LookupError(f'no process of rank {rank}')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('distributed')


@pytest.fixture(scope='module')
def alone(folder, scenes_root, run_tool):
    """One process with batches of four."""
    work_dir = folder / 'alone'
    options = shrink_detection(scenes_root, EPOCHS, 4, drop_path_rate=0.0)
    run_tool('train', DETECTION, '--work-dir', work_dir, '--seed=3', *options).check()
    return work_dir


@pytest.fixture(scope='module')
def together(folder, scenes_root):
    """Two processes with batches of two."""
    work_dir = folder / 'together'
    options = shrink_detection(scenes_root, EPOCHS, 2, drop_path_rate=0.0)
    arguments = [DETECTION, 2, '--work-dir', work_dir, '--seed=3', *options]
    run_script(folder, 'dist_train.sh', *arguments)
    return work_dir


def test_two_processes_log_the_losses_of_one(alone, together):
    expected, losses = read_losses(alone), read_losses(together)
    assert len(expected) == len(losses) == 3 * EPOCHS
    for one, two in zip(expected, losses, strict=True):
        assert two == pytest.approx(one, rel=1e-4)


def test_two_processes_learn_the_weights_of_one(alone, together):
    name = f'epoch_{EPOCHS}.pth'
    expected = load(alone / name)['state_dict']
    weights = load(together / name)['state_dict']
    assert list(weights) == list(expected)
    for key, weight in weights.items():
        torch.testing.assert_close(weight, expected[key], rtol=0, atol=1e-5, msg=key)


def test_two_processes_measure_what_one_does(folder, alone, scenes_root, run_tool):
    checkpoint = alone / f'epoch_{EPOCHS}.pth'
    options = shrink_detection(scenes_root, EPOCHS)
    run_tool(
        'test', DETECTION, checkpoint, '--work-dir', folder / 'test_alone', *options
    ).check()
    arguments = [DETECTION, checkpoint, 2, '--work-dir', folder / 'test_together']
    run_script(folder, 'dist_test.sh', *arguments, *options)
    expected = read_metrics(folder / 'test_alone')
    assert 'pascal_voc/mAP' in expected
    assert read_metrics(folder / 'test_together') == expected


def test_a_killed_process_ends_the_run_which_then_resumes_exactly(
    folder, together, scenes_root
):
    work_dir = folder / 'killed'
    options = shrink_detection(scenes_root, EPOCHS, 2, drop_path_rate=0.0)
    arguments = [DETECTION, 2, '--work-dir', work_dir]
    run = start_script(folder, 'dist_train.sh', *arguments, '--seed=3', *options)
    while not (work_dir / 'last_checkpoint').exists() and run.poll() is None:
        time.sleep(0.01)
    os.kill(find_rank(run.pid, 1), signal.SIGKILL)
    assert run.wait(timeout=120) != 0
    name = f'epoch_{EPOCHS}.pth'
    assert not (work_dir / name).exists()

    run_script(folder, 'dist_train.sh', *arguments, '--resume', *options)
    resumed, expected = load(work_dir / name), load(together / name)
    assert_equal_states(resumed['state_dict'], expected['state_dict'])
