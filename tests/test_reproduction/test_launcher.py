"""A run in a fork is what it would be in a process of its own."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from reproduction.launcher import LIBRARIES, Launcher

SCRIPTS = {
    'tell.py': 'import sys; import beside; print(sys.argv, sys.stdin.read(), __name__)',
    'beside.py': '',
    'fail.py': 'raise ValueError("no such thing")',
    'leave.py': 'import sys; sys.exit("error: wrong option")',
    'end.py': 'import os; os.kill(os.getpid(), 9)',
    'at_exit.py': 'import atexit; atexit.register(print, "goodbye")',
    'count.py': 'for _ in range(10**7): pass',
    'modules.py': 'import sys; print("mmdet.models" in sys.modules)',
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
def launch(folder):
    """Runs a script; returns its exit code, output and processor time."""

    def run(name, *arguments, launcher=None):
        launcher = launcher or Launcher(folder, threads=1)
        log = folder / 'log.txt'
        log.unlink(missing_ok=True)
        code, seconds = launcher(['python', f'tools/{name}', *arguments], log)
        return code, log.read_text() if log.exists() else '', seconds

    return run


@pytest.mark.parametrize(
    'name', ['tell.py', 'fail.py', 'leave.py', 'end.py', 'at_exit.py', 'interrupt.py']
)
def test_code_and_output_are_those_of_a_process_of_its_own(launch, folder, name):
    arguments = ['--option', 'a b']
    alone = subprocess.run(
        [sys.executable, f'tools/{name}', *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    code, output, _ = launch(name, *arguments)
    assert code == alone.returncode
    # Tracebacks begin with the frames of what runs the script.
    assert output.splitlines()[-1:] == alone.stdout.splitlines()[-1:]


def test_output_is_added_to_the_log(folder):
    launcher, log = Launcher(folder, threads=1), folder / 'log.txt'
    for argument in ('first', 'second'):
        assert launcher(['python', 'tools/tell.py', argument], log)[0] == 0
    first, second = log.read_text().splitlines()
    assert 'first' in first and 'second' in second


def test_processor_time_is_that_of_the_run(launch):
    assert launch('count.py')[2] > launch('tell.py')[2] > 0


def test_libraries_are_imported_already(launch):
    assert launch('modules.py')[1] == 'True\n'


def test_a_run_has_the_threads_it_is_given(launch, folder):
    assert launch('threads.py', launcher=Launcher(folder, threads=2))[1] == '2 2\n'


def test_what_tools_need_can_be_imported_beforehand():
    import importlib

    for library in LIBRARIES:
        importlib.import_module(library)


def stop_once_waiting(launcher, folder):
    while not (folder / 'waiting').exists():
        pass
    launcher.stop()


def test_stopping_ends_what_runs_and_starts_no_more(launch, folder):
    launcher = Launcher(folder, threads=1)
    stopper = threading.Thread(target=stop_once_waiting, args=(launcher, folder))
    stopper.start()
    assert launch('wait.py', launcher=launcher)[0] == -signal.SIGTERM
    stopper.join()
    os.remove(folder / 'waiting')
    assert launch('wait.py', launcher=launcher)[0] == -signal.SIGTERM
    assert not (folder / 'waiting').exists()


def test_where_there_is_a_gpu_every_run_starts_afresh(launch, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    code, output, seconds = launch('modules.py')
    assert code == 0 and seconds > 0
    assert output == 'False\n'
