"""Runs the tools in processes that start with the libraries already imported.

Importing mmdet takes ten seconds and more. So a server process imports it once, and
forks itself for each run (`multiprocessing`'s forkserver); everything else is as in a
process started by the user, including the exit code.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from reproduction.launcher import LIBRARIES

REPOSITORY = Path(__file__).parents[1]
CPU_ONLY = {'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}


@dataclass
class Finished:
    """A run that has ended: its exit code (-9 if killed) and all it has printed."""

    code: int
    output: str

    def check(self):
        assert self.code == 0, self.output[-6000:]
        return self


def free_port():
    """A port that nothing listens on, for the processes of one run to meet at."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


class ToolRunner:
    """Runs ``'train'`` or ``'test'`` with arguments, and waits for its end."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._context = multiprocessing.get_context('forkserver')
        self._context.set_forkserver_preload(list(LIBRARIES))
        self._runs = 0

    def __call__(self, tool, *arguments, before=None, timeout=300):
        """Runs a tool.

        Args:
            tool: Its name: ``'train'`` or ``'test'``.
            arguments: As on the command line.
            before: A module-level function of a test module to call first, e.g. to
                make a catastrophe happen.
            timeout: Seconds after which it is killed.

        Returns:
            Finished: What came of it.
        """
        process, log = self.start(tool, *arguments, before=before)
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
        return Finished(process.exitcode, log.read_text())

    def start(self, tool, *arguments, before=None):
        """Starts a tool, and returns the process and its log; see :meth:`__call__`."""
        self._runs += 1
        log = self._folder / f'{self._runs}.log'
        arguments = [str(argument) for argument in arguments]
        process = self._context.Process(
            target=_run, args=(tool, arguments, before, str(log), str(self._folder))
        )
        outside = {name: os.environ.get(name) for name in CPU_ONLY}
        os.environ.update(CPU_ONLY)  # the server keeps the environment of its start
        try:
            process.start()
        finally:
            for name, value in outside.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
        return process, log


def skip_slow_niceties(set_attribute=setattr):
    """Skips what matters to users only, and costs seconds in each run.

    These are flushing files to the disk, which is for power cuts, and mmengine's pretty
    printing of the config, which it does for each checkpoint.
    """
    from yapf.yapflib import yapf_api

    set_attribute(os, 'fsync', lambda descriptor: None)
    set_attribute(yapf_api, 'FormatCode', lambda code, **style: (code, False))


def _run(tool, arguments, before, log, folder):
    """Is one run, inside the forked process."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    sys.stdout.reconfigure(line_buffering=True)
    os.chdir(folder)
    skip_slow_niceties()
    if before is not None:
        before()
    # `prog` of the usage line, as under `python tools/train.py`.
    sys.argv = [f'{tool}.py', *arguments]
    sys.path.insert(0, str(REPOSITORY))
    runpy.run_path(str(REPOSITORY / 'tools' / f'{tool}.py'), run_name='__main__')
