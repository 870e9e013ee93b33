"""Runs are done once, in order, side by side, and go on after a kill."""

import json
import multiprocessing
import multiprocessing.forkserver as forkserver
import os
import signal
import time

import pytest

from reproduction.commands import Settings
from reproduction.executor import RunError
from reproduction.run import RunKey
from wwt_mm.errors import ConfigError

from .small_stage import make_executor, make_stage, with_run


def result(folder, key):
    return json.loads((folder / 'out' / key / 'result.json').read_text())


def log(folder, key):
    return (folder / 'out' / key / 'log.txt').read_text()


def test_runs_take_checkpoints_and_metrics_from_those_they_need(tmp_path):
    executor, said = make_executor(tmp_path, make_stage())
    assert executor.execute([0, 5]) == {}
    assert result(tmp_path, 'seed5/worse')['metrics'] == {'score': 6.0}
    assert "'other=6.0'" in log(tmp_path, 'seed5/better')
    checkpoint = tmp_path / 'out/seed5/model/work/epoch_1.pth'
    assert str(checkpoint) in log(tmp_path, 'seed5/better')
    assert result(tmp_path, 'seed0/model')['metrics'] == {'loss': 0.5, 'time': 0.1}


def test_a_result_tells_how_it_came_about_and_names_no_place_of_this_machine(
    tmp_path, monkeypatch
):
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    settings = Settings(amp=True, options=('width=2',))
    executor, _ = make_executor(tmp_path, make_stage(), settings=settings)
    executor.execute([1])
    found = result(tmp_path, 'seed1/better')
    assert found['command'] == (
        'python tools/test.py configs/model.py '
        'work_dirs/reproduction/small/seed1/model/work/epoch_1.pth --work-dir '
        'work_dirs/reproduction/small/seed1/better/work --cfg-options '
        'data_root=data/pictures score=2 other=2.0'
    )
    assert found['config'] == 'configs/model.py' and found['seed'] == 1
    assert found['versions']['torch'] and found['machine']['cores'] >= 1
    assert found['machine']['threads'] == 3
    assert found['seconds'] >= 0 and found['processor_seconds'] > 0
    assert found['finished'] and found['attempts'] == 1
    assert found['train_options'] == ['width=2']
    assert not found['amp'] and result(tmp_path, 'seed1/model')['amp']
    assert str(tmp_path) not in json.dumps(found)


def test_finished_runs_are_not_done_again(tmp_path):
    make_executor(tmp_path, make_stage())[0].execute([0])
    before = result(tmp_path, 'seed0/model')
    executor, said = make_executor(tmp_path, make_stage())
    assert executor.execute([0, 1]) == {}
    assert result(tmp_path, 'seed0/model') == before
    assert '3 runs are finished already' in said.getvalue()


def test_where_results_lie_does_not_matter(tmp_path):
    make_executor(tmp_path, make_stage())[0].execute([0])
    moved = tmp_path.with_name(f'{tmp_path.name}-moved')
    tmp_path.rename(moved)
    executor, _ = make_executor(moved, make_stage(), data=moved / 'elsewhere')
    assert len(executor.plan([0])[0]) == 3


def changed_option(folder):
    return with_run(make_stage(), 'model', options=('lr=1',))


def changed_base_config(folder):
    (folder / 'repository/configs/base.py').write_text('width = 4\n')
    return make_stage()


def changed_data(folder):
    (folder / 'pictures').mkdir()
    (folder / 'pictures/scenes.json').write_text('{"seed": 1}')
    return make_stage()


@pytest.mark.parametrize('change', [changed_option, changed_base_config, changed_data])
def test_what_was_made_with_other_inputs_is_replaced_with_force_only(tmp_path, change):
    from reproduction import fingerprint

    make_executor(tmp_path, make_stage())[0].execute([0])
    for read in (fingerprint.read_config, fingerprint.describe_data):
        read.cache_clear()  # another process would read anew
    stage = change(tmp_path)
    before = result(tmp_path, 'seed0/better')
    with pytest.raises(ConfigError, match='seed0/model holds a run with other inputs'):
        make_executor(tmp_path, stage)[0].execute([0])
    assert result(tmp_path, 'seed0/better') == before
    assert make_executor(tmp_path, stage, force=True)[0].execute([0]) == {}
    # Tests depend on what the training depends on.
    assert result(tmp_path, 'seed0/better')['fingerprint'] != before['fingerprint']


def test_a_failure_is_one_line_and_takes_only_those_with_it_that_need_it(tmp_path):
    stage = with_run(make_stage(), 'worse', options=('fail=no such thing',))
    executor, said = make_executor(tmp_path, stage)
    failed = executor.execute([0])
    assert list(failed) == [RunKey('worse', 0), RunKey('better', 0)]
    assert failed[RunKey('worse', 0)].startswith('error: no such thing (status 1;')
    assert failed[RunKey('better', 0)] == 'left out, because seed0/worse failed'
    assert 'seed0/worse: error: no such thing' in said.getvalue()
    assert result(tmp_path, 'seed0/model')['finished']
    assert not result(tmp_path, 'seed0/worse')['finished']
    assert executor.store.finished()[0]['run'] == 'model'


def test_runs_start_in_order_when_what_they_need_is_done(tmp_path):
    executor, said = make_executor(tmp_path, make_stage(), jobs=1)
    executor.execute([0, 1])
    ends = [line for line in said.getvalue().splitlines() if 'has finished' in line]
    assert [line.split()[0] for line in ends] == [
        f'seed{seed}/{name}' for seed in (0, 1) for name in ('model', 'worse', 'better')
    ]


def test_a_killed_training_goes_on_from_its_checkpoint(tmp_path):
    stage = make_stage(['die=1'])
    executor, _ = make_executor(tmp_path, stage)
    failed = executor.execute([0])
    assert 'status -9' in failed[RunKey('model', 0)]
    assert not result(tmp_path, 'seed0/model')['finished']
    executor, _ = make_executor(tmp_path, stage)
    assert executor.execute([0]) == {}
    assert result(tmp_path, 'seed0/model')['attempts'] == 2
    assert log(tmp_path, 'seed0/model').count('--resume') == 2
    assert '--resume' not in log(tmp_path, 'seed0/better')


def reproduce_in_a_fork(folder, stage):
    # The fork server of this process is no child of a fork of it.
    forkserver.ensure_running.__self__.__init__()
    reproduce(folder, stage)


def reproduce(folder, stage):
    executor, _ = make_executor(folder, stage)
    with executor.store.locked():
        assert executor.execute([0]) == {}


def test_a_run_that_outlives_a_killed_reproduction_is_left_alone(tmp_path):
    go = tmp_path / 'go'
    stage = make_stage([f'wait={go}'])
    harness = multiprocessing.get_context('fork').Process(
        target=reproduce_in_a_fork, args=(tmp_path, stage)
    )
    harness.start()
    waiting = tmp_path / 'out/seed0/model/work/waiting'
    until(waiting.exists)
    os.kill(harness.pid, signal.SIGKILL)
    harness.join()

    executor, _ = make_executor(tmp_path, stage)
    with pytest.raises(
        ConfigError, match='another reproduction, or a run that it left'
    ):
        with executor.store.locked():
            raise AssertionError('two are working in one folder')
    go.touch()  # the run ends now

    def is_free():
        try:
            with executor.store.locked():
                return True
        except ConfigError:
            return False

    until(is_free)
    reproduce(tmp_path, stage)
    assert result(tmp_path, 'seed0/better')['finished']


def test_a_reproduction_that_is_stopped_ends_its_runs(tmp_path):
    stage = make_stage([f'wait={tmp_path / "never"}'])
    harness = multiprocessing.get_context('fork').Process(
        target=reproduce_until_stopped, args=(tmp_path, stage)
    )
    harness.start()
    until((tmp_path / 'out/seed0/model/work/waiting').exists)
    os.kill(harness.pid, signal.SIGTERM)
    harness.join()
    assert harness.exitcode == 0
    with make_executor(tmp_path, stage)[0].store.locked():  # nobody is left
        assert not result(tmp_path, 'seed0/model')['finished']


def reproduce_until_stopped(folder, stage):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with pytest.raises(RunError, match='stopped; start again to go on'):
        reproduce_in_a_fork(folder, stage)


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_given_checkpoint_takes_the_place_of_a_training(tmp_path):
    for seed in (0, 1):
        (tmp_path / f'mine_{seed}.pth').write_text(f'weights {seed}')
    settings = Settings(checkpoints={'model': str(tmp_path / 'mine_{seed}.pth')})
    executor, _ = make_executor(tmp_path, make_stage(), settings=settings)
    assert executor.execute([0, 1]) == {}
    trained = result(tmp_path, 'seed1/model')
    assert trained['finished'] and trained['metrics'] == {}
    assert '--checkpoint' in trained['command']
    adopted = tmp_path / 'out/seed1/model/work/given.pth'
    assert adopted.read_text() == 'weights 1'
    assert str(adopted) in log(tmp_path, 'seed1/better')
    assert not (tmp_path / 'out/seed1/model/log.txt').exists()
    # Another file of this name is another input.
    (tmp_path / 'mine_1.pth').write_text('other weights')
    executor, _ = make_executor(tmp_path, make_stage(), settings=settings)
    assert len(executor.plan([0])[0]) == 3
    with pytest.raises(ConfigError, match='other inputs'):
        executor.plan([1])
