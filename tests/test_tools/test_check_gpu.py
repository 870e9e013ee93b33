"""`make gpu`, rehearsed without one."""

import json
import os
import subprocess
import sys

import pytest
from tool_process import CPU_ONLY, REPOSITORY

# Minutes, with limits of time: not beside other tests on two cores.
pytestmark = pytest.mark.slow_faults

TOOL = REPOSITORY / 'tools' / 'analysis_tools' / 'check_gpu.py'


def check(out, *arguments):
    command = [sys.executable, TOOL, '--device', 'cpu', '--out', out, *arguments]
    run = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env={**os.environ, **CPU_ONLY},
    )
    summary = out / 'summary.json'
    assert summary.exists(), run.stderr[-3000:]
    return run, json.loads(summary.read_text())['stages']


def test_every_stage_passes_in_rehearsal(tmp_path):
    run, stages = check(tmp_path, '--seconds', '3000')
    logs = {log.stem: log.read_text()[-1500:] for log in tmp_path.glob('*.log')}
    for name, stage in stages.items():
        assert stage['status'] == 'passed', (name, stage, logs[name])
        assert stage['rows'], name
        assert name in run.stdout
    assert run.returncode == 0
    kinds = {row['kind'] for row in stages['equality']['rows']}
    assert kinds == {'fp32', 'bf16'}
    assert all(row['images_s'] > 0 for row in stages['benchmark']['rows'])
    assert stages['train']['rows'][0]['iterations'] == 4


def test_a_stage_beyond_its_limit_is_ended_and_told(tmp_path):
    run, stages = check(tmp_path, '--seconds', '0', '--only', 'tests')
    assert run.returncode == 1
    assert stages['tests']['status'].startswith('stopped at its limit')
