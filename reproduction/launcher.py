"""Starts the tools of a reproduction, and ends them."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch

from .worker import LIBRARIES, Worker


@dataclass
class Launcher:
    """Runs command lines; several threads may at a time.

    Python scripts run in forks of workers, which spares them the imports, but afresh
    where there is a GPU: CUDA does not survive a fork.

    Args:
        folder: Where they run.
        threads: For the computations of each; more would only contend for the cores.
        libraries: What workers import.
    """

    folder: Path
    threads: int
    libraries: Sequence[str] = LIBRARIES
    _idle: list[Worker] = field(default_factory=list)
    _running: set[int] = field(default_factory=set)
    _stopped: bool = False

    def __call__(
        self, command: list[str], log: Path, pass_fds: Sequence[int] = ()
    ) -> tuple[int, float]:
        """Run a command to its end, unless everything has been stopped.

        Args:
            command: Its first word is ``python`` for a script of the folder.
            log: File that its output is added to.
            pass_fds: Open files to inherit, the same for all commands.

        Returns:
            The exit code, negative for the signal that ended it, and the processor time
            it took, in seconds, with processes of its own.
        """
        if self._stopped:
            return -signal.SIGTERM, 0.0
        if command[0] == 'python' and not torch.cuda.is_available():
            return self._fork(command, log, pass_fds)
        return self._start(command, log, pass_fds)

    def stop(self) -> None:
        """End all runs, and start no more."""
        self._stopped = True
        for pid in list(self._running):
            _end(pid)

    def close(self) -> None:
        """End the workers, none of which may be at work."""
        while self._idle:
            self._idle.pop().close()

    def _fork(
        self, command: list[str], log: Path, pass_fds: Sequence[int]
    ) -> tuple[int, float]:
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = Worker(self.folder, log, self.libraries, self.threads, pass_fds)
        _, script, *arguments = command
        outcome = worker.run(script, arguments, log, self._begin, self._running.discard)
        if worker.is_alive:
            self._idle.append(worker)
        else:
            worker.close()
        return outcome

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
