"""A process that dies ends the run in time, with the cause in one line."""

import os
import signal

from .small import DETECTION, options


def kill_the_worker():
    """Lets the process that loads data die at its third image."""
    from mmcv.transforms import LoadImageFromFile

    main, transform, loaded = os.getpid(), LoadImageFromFile.transform, []

    def transform_or_die(self, results):
        loaded.append(1)
        if os.getpid() != main and len(loaded) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return transform(self, results)

    LoadImageFromFile.transform = transform_or_die


def test_a_worker_that_dies_is_the_one_cause_told(run_tool, scenes_root, tmp_path):
    run = run_tool(
        'train',
        DETECTION,
        '--work-dir',
        tmp_path,
        *options(scenes_root, workers=1),
        before=kill_the_worker,
        timeout=120,
    )
    # Not -9: the run has ended by itself, in time.
    assert run.code == 2, run.output[-3000:]
    line = run.output.strip().splitlines()[-1]
    assert line.startswith('error: a process that loads data has died')
    assert 'num_workers' in line and '--resume' in line
    assert 'Traceback' not in run.output
