"""What goes wrong in one of two processes ends both, in time and with its cause."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tool_process import CPU_ONLY, free_port

from .small import CLASSIFICATION, DETECTION, options

SCRIPT = Path(__file__).with_name('catastrophes.py')
INVALID_LOSS_HOOK = 'custom_hooks.2'


@pytest.fixture
def train_with(tmp_path, classification_root, scenes_root):
    """Trains in two processes, of which one meets a catastrophe.

    Returns the exit code of the launcher and all that was printed.
    """

    def train(catastrophe, rank, config=CLASSIFICATION, **more):
        root = classification_root if config == CLASSIFICATION else scenes_root
        launcher = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2']
        arguments = [config, '--work-dir', tmp_path, '--launcher', 'pytorch']
        arguments += ['--seed', 0]
        command = [*launcher, f'--master_port={free_port()}', SCRIPT, catastrophe, rank]
        command += [*arguments, *options(root, **more)]
        run = subprocess.run(
            [str(part) for part in command],
            env={**os.environ, **CPU_ONLY},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
        )
        return run.returncode, run.stdout

    return train


def errors_in(output):
    return [line for line in output.splitlines() if line.startswith('error')]


def test_an_invalid_loss_of_one_process_is_skipped_by_both_and_the_next_stops_them(
    train_with, tmp_path
):
    skip = {f'{INVALID_LOSS_HOOK}.action': 'skip', f'{INVALID_LOSS_HOOK}.limit': 1}
    code, output = train_with('nan_losses', 1, batch_size=2, **skip)
    assert code != 0
    assert 'Left out (number 1 of at most 1)' in output
    (line,) = [line for line in errors_in(output) if '(process 1)' in line]
    assert 'iteration 3: loss_cls is nan' in line and '.jpg' in line
    saved = torch.load(tmp_path / 'invalid_loss_iter_3.pth', weights_only=False)
    assert saved['meta']['iter'] == 2


def test_matching_by_costs_that_are_nan_keeps_no_process_waiting(train_with, tmp_path):
    """mmdet's normalisation of losses waits for the process with NaN."""
    options = {f'{INVALID_LOSS_HOOK}.action': 'skip', 'batch_size': 2}
    code, output = train_with('nan_boxes', 1, DETECTION, **options)
    assert code == 0, output[-6000:]
    assert 'iteration 2: a loss of another process is not finite' in output
    assert (tmp_path / 'epoch_1.pth').exists()


def test_a_worker_of_one_process_that_dies_ends_both(train_with):
    code, output = train_with('dead_worker', 1, workers=1)
    assert code != 0
    assert 'error (process 1): a process that loads data has died' in output


def test_a_full_disk_ends_both_and_leaves_no_broken_file(train_with, tmp_path):
    code, output = train_with('full_disk', 0)
    assert code != 0
    (line,) = errors_in(output)
    assert 'epoch_1.pth' in line and 'free' in line
    assert not list(tmp_path.rglob('*.pth*'))
