"""Starts the tools of a reproduction, and ends them.

Importing torch and the libraries takes ten seconds, longer than many a run. So the
standard library's fork server imports them once and forks itself for each run. Apart
from that a run is what ``python SCRIPT ARGUMENTS`` would be: a process of its own, with
its arguments, output, signals and exit code.
"""

import atexit
import multiprocessing
import os
import resource
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

import torch

_HEADS = ('classification', 'detection', 'discovery', 'object_centric', 'segmentation')
_LIBRARIES = ('mmdet', 'mmpretrain', 'mmseg')
_PARTS = ('datasets', 'engine', 'evaluation', 'models', 'visualization')
#: All that tools import, mmengine's lazy registrations included.
LIBRARIES = (
    'wwt_mm.engine.train',
    'wwt_mm.engine.test',
    *(f'wwt_mm.{head}' for head in _HEADS),
    'reproduction.main',  # what tools/reproduce.py and demo.py, the main program,
    'reproduction.demo.main',  # import, and with it each fork
    *(f'{library}.{part}' for library in _LIBRARIES for part in _PARTS),
)
_OWN_AND_CHILDREN = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
_one_at_a_time = threading.Lock()


@dataclass
class Launcher:
    """Runs command lines; several threads may at a time.

    Where there is a GPU every run starts afresh: CUDA does not survive a fork.

    Args:
        folder: Where they run.
        threads: For the computations of each; more would only contend for the cores.
    """

    folder: Path
    threads: int
    _running: set[int] = field(default_factory=set)
    _stopped: bool = False

    def __call__(
        self, command: list[str], log: Path, pass_fds: Sequence[int] = ()
    ) -> tuple[int, float]:
        """Run a command to its end, unless everything has been stopped.

        Args:
            command: Its first word is ``python`` for a script of the folder.
            log: File that its output is added to.
            pass_fds: Open files to inherit.

        Returns:
            The exit code, negative for the signal that ended it, and the processor time
            it took, in seconds, with processes of its own (0 for a fork that was
            killed).
        """
        if self._stopped:
            return -signal.SIGTERM, 0.0
        if command[0] == 'python' and not torch.cuda.is_available():
            return self._fork(command[1:], log, pass_fds)
        return self._start(command, log, pass_fds)

    def stop(self) -> None:
        """End all runs, and start no more."""
        self._stopped = True
        for pid in list(self._running):
            _end(pid)

    def _fork(
        self, command: list[str], log: Path, pass_fds: Sequence[int]
    ) -> tuple[int, float]:
        context = multiprocessing.get_context('forkserver')
        context.set_forkserver_preload([__name__, *LIBRARIES])
        receiver, sender = context.Pipe(duplex=False)
        files = [_InheritedFile(descriptor) for descriptor in pass_fds]
        arguments = (command, self.folder, log, self.threads, sender, files)
        process = context.Process(target=_become, args=arguments)
        with _one_at_a_time:
            _start_like_the_server(process, self.folder)
        sender.close()
        self._begin(process.pid)
        process.join()
        self._running.discard(process.pid)
        seconds = 0.0
        with suppress(EOFError):  # it was killed
            seconds = receiver.recv() if receiver.poll() else seconds
        return process.exitcode, seconds

    def _start(
        self, command: list[str], log: Path, pass_fds: Sequence[int]
    ) -> tuple[int, float]:
        if command[0] == 'python':
            command = [sys.executable, *command[1:]]
        environment = dict(os.environ, PYTHON=sys.executable)
        environment['OMP_NUM_THREADS'] = str(self.threads)
        with log.open('a') as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=pass_fds,
            )
        self._begin(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        self._running.discard(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_utime + usage.ru_stime

    def _begin(self, pid: int) -> None:
        self._running.add(pid)
        if self._stopped:  # while it was starting
            _end(pid)


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid, signal.SIGTERM)


class _InheritedFile:
    """An open file that goes along to a fork, which holds its locks from then on."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _take_over, (DupFd(self.descriptor),)


def _take_over(duplicate: Any) -> _InheritedFile:
    return _InheritedFile(duplicate.detach())


def _start_like_the_server(process: Any, folder: Path) -> None:
    """Starts a fork; the first start is the server's, which keeps this environment."""
    # With one thread there is no pool of them, which a fork would be without.
    changes = dict(OMP_NUM_THREADS='1', PYTHONPATH=str(folder), PYTHON=sys.executable)
    outside = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        process.start()
    finally:
        for name, value in outside.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _become(
    command: list[str],
    folder: Path,
    log: Path,
    threads: int,
    sender: Connection,
    files: list[_InheritedFile],
) -> None:
    """Makes this process what ``python *command`` is, and is it."""
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    sys.stdin = open(os.devnull)
    sys.stdout.reconfigure(line_buffering=True)
    os.chdir(folder)
    os.environ['OMP_NUM_THREADS'] = str(threads)
    torch.set_num_threads(threads)
    sys.argv = command
    sys.path.insert(0, str(Path(command[0]).absolute().parent))
    try:
        runpy.run_path(command[0], run_name='__main__')
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out
        used = [resource.getrusage(of) for of in _OWN_AND_CHILDREN]
        sender.send(sum(each.ru_utime + each.ru_stime for each in used))
