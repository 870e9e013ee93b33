"""A process that imports the libraries once, and forks itself for each run.

Importing torch and the libraries takes ten seconds, longer than many a run. Apart from
that a run is what ``python SCRIPT ARGUMENTS`` would be: a process of its own, with its
arguments, output, signals and exit code. Not for GPUs: CUDA does not survive a fork.

This file is also the worker's program, so it imports the standard library only.
"""

import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

_PARTS = ('datasets', 'engine', 'evaluation', 'models', 'visualization')
#: All that tools import, mmengine's lazy registrations included.
LIBRARIES = (
    'wwt_mm.engine.train',
    'wwt_mm.engine.test',
    'wwt_mm.classification',
    'wwt_mm.detection',
    'wwt_mm.discovery',
    'wwt_mm.object_centric',
    'wwt_mm.segmentation',
    *(
        f'{library}.{part}'
        for library in ('mmdet', 'mmpretrain', 'mmseg')
        for part in _PARTS
    ),
)


class Worker:
    """Runs Python scripts one after the other, each in a fork.

    Args:
        folder: Where they run.
        log: File for what importing says.
        libraries: Modules to import first; those that are missing are left out.
        threads: For the computations of a run.
        pass_fds: Open files that runs inherit.
    """

    def __init__(
        self,
        folder: Path,
        log: Path,
        libraries: Sequence[str] = LIBRARIES,
        threads: int = 1,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._threads = threads
        # With one thread there is no pool of them, which a fork would be without.
        environment = dict(os.environ, PYTHON=sys.executable, OMP_NUM_THREADS='1')
        with log.open('a') as errors:
            self._process = subprocess.Popen(
                [sys.executable, __file__, *libraries],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                pass_fds=pass_fds,
            )

    def run(
        self,
        script: str,
        arguments: Sequence[str],
        log: Path,
        started: Callable[[int], None] = lambda pid: None,
        ended: Callable[[int], None] = lambda pid: None,
    ) -> tuple[int, float]:
        """Run a script to its end.

        Args:
            script: Its path from the folder.
            arguments: Its arguments.
            log: File that its output is added to.
            started: Called with the number of its process.
            ended: Called with it when that has ended.

        Returns:
            The exit code, negative for the signal that ended it, and the processor time
            it took, in seconds, with processes of its own. If the worker itself has
            died, its exit code and 0.
        """
        request = [script, list(arguments), str(log), self._threads]
        with suppress(BrokenPipeError):
            print(json.dumps(request), file=self._process.stdin, flush=True)
        if pid := self._process.stdout.readline():
            started(int(pid))
        answer = self._process.stdout.readline()
        if pid:
            ended(int(pid))
        if answer:
            code, seconds = json.loads(answer)
            return code, seconds
        return self._process.wait() or 1, 0.0

    @property
    def is_alive(self) -> bool:
        """bool: Whether it can do more runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the worker."""
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _serve(libraries: Sequence[str]) -> None:
    """Reads requests and answers each twice: when it starts, and when it has ended."""
    # Ctrl-C is for the runs, unless they were to ignore it, as in the background.
    on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), 'w')
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # for libraries that print
    for library in libraries:
        with suppress(ImportError):  # who needs it will say so
            import_module(library)
    for line in sys.stdin:
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            answers.close()
            signal.signal(signal.SIGINT, on_interrupt)
            return _become(*json.loads(line))
        print(pid, file=answers, flush=True)
        _, status, usage = os.wait4(pid, 0)
        answer = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        print(json.dumps(answer), file=answers, flush=True)


def _become(script: str, arguments: list[str], log: str, threads: int) -> None:
    """Makes this process what ``python script arguments`` is, and is it."""
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ['OMP_NUM_THREADS'] = str(threads)
    if 'torch' in sys.modules:
        sys.modules['torch'].set_num_threads(threads)
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).absolute().parent))
    runpy.run_path(script, run_name='__main__')


if __name__ == '__main__':
    sys.path.pop(0)  # this folder, whose modules belong to a package
    _serve(sys.argv[1:])
