"""SIGKILL at random moments: the resumed run ends to the bit as an uninterrupted one.

Long, so not part of the suite: ``make faults``, or with another number of moments

    WWT_KILLS=5 python -m pytest -m slow_faults tests/faults/test_kill_anywhere.py
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time

import pytest
from tool_process import CPU_ONLY, REPOSITORY

from ..test_tools.small_runs import assert_equal_states, load
from .small import CLASSIFICATION, options

pytestmark = pytest.mark.slow_faults

KILLS = int(os.environ.get('WWT_KILLS', 20))
EPOCHS = 4
# With averaged weights, drop path and a validation after each epoch.
CONFIG = """
_base_ = '{base}'
custom_hooks = [*_base_.custom_hooks, dict(type='EMAHook', momentum=0.02)]
model = dict(backbone=dict(drop_path_rate=0.2))
"""


class Runs:
    """Trainings of the same config, seed and data."""

    def __init__(self, folder, root, processes):
        self.folder, self.processes = folder, processes
        folder.mkdir()
        config = folder / 'ema.py'
        config.write_text(CONFIG.format(base=CLASSIFICATION))
        batch_size = 4 // processes
        self.arguments = [config, '--seed=3', '--resume']
        self.options = options(
            root,
            batch_size=batch_size,
            epochs=EPOCHS,
            workers=1,
            train_cfg__val_interval=1,
        )

    def start(self, name):
        command = [sys.executable]
        arguments = [*self.arguments, '--work-dir', self.folder / name]
        if self.processes > 1:
            with socket.socket() as free:
                free.bind(('127.0.0.1', 0))
                port = free.getsockname()[1]
            command += ['-m', 'torch.distributed.run', f'--master_port={port}']
            command += [f'--nproc_per_node={self.processes}']
            arguments += ['--launcher', 'pytorch']
        command += [REPOSITORY / 'tools' / 'train.py', *arguments, *self.options]
        with open(self.folder / f'{name}.log', 'a') as log:
            return subprocess.Popen(
                [str(part) for part in command],
                env={**os.environ, **CPU_ONLY},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, name):
        code = self.start(name).wait(timeout=900)
        assert code == 0, (self.folder / f'{name}.log').read_text()[-5000:]
        return load(self.folder / name / f'epoch_{EPOCHS}.pth')

    def has_begun(self, name):
        log = self.folder / f'{name}.log'
        return log.exists() and 'Epoch(train)' in log.read_text()


@pytest.fixture(scope='module', params=[1, 2], ids=['one process', 'two processes'])
def runs(request, tmp_path_factory, classification_root):
    folder = tmp_path_factory.mktemp('kills') / str(request.param)
    return Runs(folder, classification_root, request.param)


@pytest.fixture(scope='module')
def uninterrupted(runs):
    """The last checkpoint, and how long the run took from its first iteration on."""
    run, started = runs.start('uninterrupted'), None
    while run.poll() is None:
        if started is None and runs.has_begun('uninterrupted'):
            started = time.monotonic()
        time.sleep(0.02)
    assert run.returncode == 0
    path = runs.folder / 'uninterrupted' / f'epoch_{EPOCHS}.pth'
    return load(path), time.monotonic() - started


@pytest.mark.parametrize('moment', range(KILLS))
def test_a_run_killed_at_any_moment_ends_as_an_uninterrupted_one(
    runs, uninterrupted, moment
):
    expected, duration = uninterrupted
    name = f'killed_{moment}'
    run = runs.start(name)
    while run.poll() is None and not runs.has_begun(name):
        time.sleep(0.02)
    # Strata, so that few moments too lie all over the run.
    time.sleep(duration * (moment + random.Random(moment).random()) / KILLS)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    resumed = runs.finish(name)
    parts = ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers')
    for part in parts:
        assert_equal_states(resumed[part], expected[part])
    for key in ('epoch', 'iter', 'seed'):
        assert resumed['meta'][key] == expected['meta'][key]
