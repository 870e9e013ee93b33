"""A process that dies ends the run in time, with the cause in one line."""

from .catastrophes import dead_worker
from .small import DETECTION, options


def test_a_worker_that_dies_is_the_one_cause_told(run_tool, scenes_root, tmp_path):
    run = run_tool(
        'train',
        DETECTION,
        '--work-dir',
        tmp_path,
        *options(scenes_root, workers=1),
        before=dead_worker,
        timeout=120,
    )
    # Not -9: the run has ended by itself, in time.
    assert run.code == 2, run.output[-3000:]
    line = run.output.strip().splitlines()[-1]
    assert line.startswith('error: a process that loads data has died')
    assert 'num_workers' in line and '--resume' in line
    assert 'Traceback' not in run.output
