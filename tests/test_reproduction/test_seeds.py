"""Several seeds of one config: run, kept, averaged."""

import json

import numpy as np
import pytest

from reproduction import seeds
from reproduction.seeds import average, run_seeds
from wwt_mm.errors import ConfigError

from .small_stage import make_repository


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The config of a repository with tools that answer at once."""
    repository = make_repository(tmp_path / 'repository')
    monkeypatch.setattr(seeds, 'REPOSITORY', repository)
    return repository / 'configs' / 'model.py'


def test_mean_and_sample_deviation_are_numpys():
    runs = {0: dict(a=1.0, b=3.0, rule='relu'), 1: dict(a=2.0), 2: dict(a=4.5, b=1.0)}
    report = average(runs)
    assert report['mean'] == {'a': pytest.approx(np.mean([1, 2, 4.5]))}
    assert report['std'] == {'a': pytest.approx(np.std([1, 2, 4.5], ddof=1))}
    assert average({0: dict(a=1.0, rule='relu')})['std'] == {'a': None}


def test_each_seed_is_trained_and_tested_once_with_the_options(config, tmp_path):
    out = tmp_path / 'out'
    run_seeds(config, [0, 1], out, ['--amp'], ['score=3'])
    before = (out / 'seed1/test/log.txt').read_text()
    report = run_seeds(config, [1, 2], out, ['--amp'], ['score=3'])
    assert report['mean'] == {'score': pytest.approx(4)}
    assert list(report['seeds']) == ['0', '1', '2']
    assert (out / 'seed1/test/log.txt').read_text() == before
    log = (out / 'seed2/train/log.txt').read_text()
    assert "'--seed', '2'" in log and "'--amp'" in log and "'score=3'" in log
    assert json.loads((out / 'seeds.json').read_text()) == report

    with pytest.raises(ConfigError, match='seed0/train holds a run with other inputs'):
        run_seeds(config, [0], out, cfg_options=['score=2'])
