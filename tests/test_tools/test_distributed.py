"""Two processes without a GPU do what one does with the same batch."""

import os
import socket
import subprocess
import sys

import pytest
import torch
from tool_process import CPU_ONLY, REPOSITORY

from .small_runs import DETECTION, load, read_losses, read_metrics, shrink_detection

EPOCHS = 2


def run_script(cwd, name, *arguments, check=True):
    """Runs a script of tools/ as a user would, on a free port."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    run = subprocess.run(
        [str(REPOSITORY / 'tools' / name), *map(str, arguments)],
        env={**os.environ, **CPU_ONLY, 'PORT': str(port), 'PYTHON': sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        text=True,
        timeout=600,
    )
    assert not check or run.returncode == 0, run.stdout[-6000:]
    return run


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
