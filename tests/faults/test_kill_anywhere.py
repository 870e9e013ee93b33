"""SIGKILL at random moments: the resumed run ends to the bit as an uninterrupted one.

Long, so not part of the suite: ``make faults``, or with another number of moments

    WWT_KILLS=5 python -m pytest -m slow_faults tests/faults/test_kill_anywhere.py
"""

import os
import random
import signal
import time
from functools import partial

import pytest
from tool_process import free_port

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

    def __init__(self, run_tool, folder, root, processes):
        self.run_tool, self.folder, self.processes = run_tool, folder, processes
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
        """Starts a training; returns its processes and the log of the first."""
        arguments = [*self.arguments, '--work-dir', self.folder / name]
        if self.processes == 1:
            ranks = [{}]
        else:
            arguments += ['--launcher', 'pytorch']
            shared = dict(
                MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port(), WORLD_SIZE=2
            )
            ranks = [dict(shared, RANK=rank, LOCAL_RANK=rank) for rank in (0, 1)]
        started = [
            self.run_tool.start(
                'train', *arguments, *self.options, before=partial(stand_alone, rank)
            )
            for rank in ranks
        ]
        return [process for process, _ in started], started[0][1]

    def finish(self, name, processes, log):
        """Waits for the end, which must be a good one; returns the last checkpoint."""
        for process in processes:
            process.join(600)
        assert {p.exitcode for p in processes} == {0}, log.read_text()[-5000:]
        return load(self.folder / name / f'epoch_{EPOCHS}.pth')


def stand_alone(environment):
    """Makes a process the head of a group, and gives it its place among others."""
    os.setsid()
    os.environ.update({name: str(value) for name, value in environment.items()})


def wait_for_beginning(processes, log):
    while all(process.is_alive() for process in processes):
        if log.exists() and 'Epoch(train)' in log.read_text():
            return
        time.sleep(0.02)


@pytest.fixture(scope='module', params=[1, 2], ids=['one process', 'two processes'])
def runs(request, run_tool, tmp_path_factory, classification_root):
    folder = tmp_path_factory.mktemp('kills') / str(request.param)
    return Runs(run_tool, folder, classification_root, request.param)


@pytest.fixture(scope='module')
def uninterrupted(runs):
    """The last checkpoint, and how long the run took from its first iteration on."""
    processes, log = runs.start('uninterrupted')
    wait_for_beginning(processes, log)
    started = time.monotonic()
    checkpoint = runs.finish('uninterrupted', processes, log)
    return checkpoint, time.monotonic() - started


@pytest.mark.parametrize('moment', range(KILLS))
def test_a_run_killed_at_any_moment_ends_as_an_uninterrupted_one(
    runs, uninterrupted, moment
):
    expected, duration = uninterrupted
    name = f'killed_{moment}'
    processes, log = runs.start(name)
    wait_for_beginning(processes, log)
    # Strata, so that few moments too lie all over the run.
    time.sleep(duration * (moment + random.Random(moment).random()) / KILLS)
    for process in processes:
        if process.is_alive():
            os.killpg(process.pid, signal.SIGKILL)  # with what loads its data
    for process in processes:
        process.join(60)
    resumed = runs.finish(name, *runs.start(name))
    parts = ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers')
    for part in parts:
        assert_equal_states(resumed[part], expected[part])
    for key in ('epoch', 'iter', 'seed'):
        assert resumed['meta'][key] == expected['meta'][key]
