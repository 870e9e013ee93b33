"""A run in a fork is what it would be in a process of its own."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from reproduction.launcher import Launcher
from reproduction.worker import LIBRARIES, Worker

SCRIPTS = {
    'tell.py': 'import sys; import beside; print(sys.argv, sys.stdin.read(), __name__)',
    'beside.py': '',
    'fail.py': 'raise ValueError("no such thing")',
    'leave.py': 'import sys; sys.exit("error: wrong option")',
    'end.py': 'import os; os.kill(os.getpid(), 9)',
    'end_parent.py': 'import os, time; os.kill(os.getppid(), 9)',
    'at_exit.py': 'import atexit; atexit.register(print, "goodbye")',
    'count.py': 'for _ in range(10**6): pass',
    'modules.py': 'import sys; print("wave" in sys.modules, "torch" in sys.modules)',
    'threads.py': (
        'import os, torch\n'
        'print(torch.get_num_threads(), os.environ["OMP_NUM_THREADS"])\n'
    ),
    'wait.py': (
        'import pathlib, time\npathlib.Path("waiting").touch()\ntime.sleep(60)\n'
    ),
    'interrupt.py': (
        'import os, signal\n'
        'try: signal.raise_signal(signal.SIGINT)\n'
        'except KeyboardInterrupt: print("interrupted")\n'
    ),
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'tools').mkdir()
    for name, text in SCRIPTS.items():
        (tmp_path / 'tools' / name).write_text(text)
    return tmp_path


@pytest.fixture
def worker(folder):
    worker = Worker(folder, folder / 'worker.log', libraries=['wave', 'no_such_module'])
    yield worker
    worker.close()


def run(worker, folder, name, *arguments):
    log = folder / 'log.txt'
    log.unlink(missing_ok=True)
    code, seconds = worker.run(f'tools/{name}', arguments, log)
    return code, log.read_text(), seconds


@pytest.mark.parametrize(
    'name', ['tell.py', 'fail.py', 'leave.py', 'end.py', 'at_exit.py', 'interrupt.py']
)
def test_code_and_output_are_those_of_a_process_of_its_own(worker, folder, name):
    arguments = ['--option', 'a b']
    alone = subprocess.run(
        [sys.executable, f'tools/{name}', *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    code, output, _ = run(worker, folder, name, *arguments)
    assert code == alone.returncode
    # Tracebacks begin with the frames of what runs the script.
    assert output.splitlines()[-1:] == alone.stdout.splitlines()[-1:]


def test_one_worker_does_many_runs_whose_output_is_added_to_the_log(worker, folder):
    log = folder / 'log.txt'
    for argument in ('first', 'second'):
        assert worker.run('tools/tell.py', [argument], log)[0] == 0
    first, second = log.read_text().splitlines()
    assert 'first' in first and 'second' in second


def test_processor_time_is_that_of_the_run(worker, folder):
    assert run(worker, folder, 'count.py')[2] > run(worker, folder, 'tell.py')[2] > 0


def test_libraries_are_there_and_those_that_are_missing_are_left_out(worker, folder):
    assert run(worker, folder, 'modules.py')[1] == 'True False\n'


@pytest.mark.parametrize('libraries', [(), ('torch',)])
def test_a_run_has_the_threads_it_is_given(folder, libraries):
    worker = Worker(folder, folder / 'worker.log', libraries, threads=2)
    threads = run(worker, folder, 'threads.py')[1]
    worker.close()
    assert threads == '2 2\n'


def test_a_worker_that_dies_is_a_run_that_failed(worker, folder):
    code, _, seconds = run(worker, folder, 'end_parent.py')
    assert code == -signal.SIGKILL and seconds == 0 and not worker.is_alive


def test_the_run_after_one_whose_worker_died_has_another(folder):
    launcher, log = Launcher(folder, threads=1, libraries=()), folder / 'log.txt'
    assert launcher(['python', 'tools/end_parent.py'], log)[0] == -signal.SIGKILL
    assert launcher(['python', 'tools/tell.py'], log)[0] == 0
    launcher.close()


def test_what_tools_need_can_be_imported_beforehand():
    import importlib

    for library in LIBRARIES:
        importlib.import_module(library)


def stop_once_waiting(launcher, folder):
    while not (folder / 'waiting').exists():
        pass
    launcher.stop()


def test_stopping_ends_what_runs_and_starts_no_more(folder):
    launcher = Launcher(folder, threads=1, libraries=())
    stopper = threading.Thread(target=stop_once_waiting, args=(launcher, folder))
    stopper.start()
    command = ['python', 'tools/wait.py']
    assert launcher(command, folder / 'log.txt')[0] == -signal.SIGTERM
    stopper.join()
    os.remove(folder / 'waiting')
    assert launcher(command, folder / 'log.txt')[0] == -signal.SIGTERM
    assert not (folder / 'waiting').exists()
    launcher.close()


def test_where_there_is_a_gpu_every_run_starts_afresh(folder, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    launcher = Launcher(folder, threads=1, libraries=['wave'])
    code, seconds = launcher(['python', 'tools/modules.py'], folder / 'log.txt')
    assert code == 0 and seconds > 0
    assert (folder / 'log.txt').read_text() == 'False False\n'
