"""Result files are whole or not there."""

import json
import os

import pytest

from reproduction.results import ResultStore, measurements
from reproduction.run import RunKey
from wwt_mm.errors import ResultError


def result(run='a', seed=0, **more):
    return dict(run=run, seed=seed, fingerprint='1', finished=True, metrics={}) | more


def test_a_result_is_replaced_in_one_step(tmp_path, monkeypatch):
    store = ResultStore(tmp_path)
    store.write(result(metrics={'x': 1}))

    def die(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'replace', die)
    with pytest.raises(KeyboardInterrupt):
        store.write(result(metrics={'x': 2}))
    assert store.read(RunKey('a', 0))['metrics'] == {'x': 1}
    assert len(store.finished()) == 1


def test_finished_results_come_by_seed_and_name(tmp_path):
    store = ResultStore(tmp_path)
    for run, seed, finished in (
        ('b', 10, True), ('a', 10, True), ('c', 2, True), ('d', 2, False)
    ):  # fmt: skip
        store.write(result(run, seed, finished=finished, metrics={'x': seed}))
    found = store.finished()
    assert [(r['seed'], r['run']) for r in found] == [(2, 'c'), (10, 'a'), (10, 'b')]
    assert measurements(found)['a'] == {10: {'x': 10}}


def test_a_file_that_is_no_result_is_named(tmp_path):
    (tmp_path / 'seed0/a').mkdir(parents=True)
    (tmp_path / 'seed0/a/result.json').write_text('{')
    with pytest.raises(ResultError, match='seed0/a/result.json is no result'):
        ResultStore(tmp_path).read(RunKey('a', 0))


def test_the_file_is_json_that_people_can_read(tmp_path):
    ResultStore(tmp_path).write(result())
    text = (tmp_path / 'seed0/a/result.json').read_text()
    assert json.loads(text)['run'] == 'a' and text.count('\n') > 3
