"""Several seeds of one config: run, kept, averaged."""

import json
from pathlib import Path

import numpy as np
import pytest

from reproduction import seed_runs
from reproduction.seed_runs import RunFailedError, run_seeds, summarise


def option(arguments, name):
    return arguments[arguments.index(name) + 1]


@pytest.fixture
def tools(monkeypatch):
    """Stand-ins for the two tools, which note how they were called."""
    calls = []

    def start(tool, arguments, gpus):
        calls.append((tool, list(arguments)))
        folder = Path(option(arguments, '--work-dir'))
        if tool == 'train':
            folder.mkdir(parents=True)
            (folder / 'last.pth').touch()
            (folder / 'last_checkpoint').write_text(str(folder / 'last.pth'))
        else:
            seed = int(folder.parent.name.removeprefix('seed_'))
            (folder / 'now').mkdir(parents=True)
            metrics = dict(score=10.0 + seed**2, time=0.1, name='x')
            (folder / 'now' / 'now.json').write_text(json.dumps(metrics))

    monkeypatch.setattr(seed_runs, '_start', start)
    return calls


def test_mean_and_sample_deviation_are_numpys():
    runs = {0: dict(a=1.0, b=3.0), 1: dict(a=2.0), 2: dict(a=4.5, b=1.0)}
    report = summarise('config.py', [], runs)
    assert report['mean'] == {'a': pytest.approx(np.mean([1, 2, 4.5]))}
    assert report['std'] == {'a': pytest.approx(np.std([1, 2, 4.5], ddof=1))}
    assert summarise('config.py', [], {0: dict(a=1.0)})['std'] == {'a': None}


def test_each_seed_is_trained_and_its_last_checkpoint_tested(tools, tmp_path):
    report = run_seeds('c.py', [0, 1, 2], tmp_path, ['--amp'], ['a=1'])
    assert [tool for tool, _ in tools] == ['train', 'test'] * 3
    assert option(tools[2][1], '--seed') == '1' and '--amp' in tools[2][1]
    assert str(tmp_path / 'seed_1' / 'last.pth') in tools[3][1]
    assert all(arguments[-2:] == ['--cfg-options', 'a=1'] for _, arguments in tools)
    assert report['mean'] == {'score': pytest.approx(10 + 5 / 3)}
    assert json.loads((tmp_path / 'seeds.json').read_text()) == report


def test_finished_seeds_are_not_run_again(tools, tmp_path):
    run_seeds('c.py', [0, 1], tmp_path)
    tools.clear()
    report = run_seeds('c.py', [1, 2], tmp_path)
    assert {option(a, '--work-dir') for t, a in tools if t == 'train'} == {
        str(tmp_path / 'seed_2')
    }
    assert list(report['seeds']) == ['0', '1', '2']


def test_runs_of_other_options_are_not_mixed(tools, tmp_path):
    run_seeds('c.py', [0], tmp_path)
    with pytest.raises(RunFailedError, match='holds runs of c.py: give another'):
        run_seeds('c.py', [0], tmp_path, cfg_options=['a=2'])


def test_a_run_that_fails_ends_all(tmp_path, monkeypatch):
    monkeypatch.setattr(seed_runs.sys, 'executable', 'false')  # a program that fails
    with pytest.raises(RunFailedError, match='train.py ended with status 1'):
        run_seeds('c.py', [0], tmp_path)
    assert not (tmp_path / 'seeds.json').exists()
