"""Results on disk: one JSON file per run, written whole, never replaced unasked."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wwt_mm.errors import ConfigError
from wwt_mm.guards.atomic import write_atomically
from wwt_mm.guards.json_file import read_json

from .claims import Measurements
from .run import RunKey

#: Run, seed, fingerprint.
Identity = tuple[str, int, str]

_NAME = 'result.json'


class ResultStore:
    """The results below a folder, ``seed0/wwt/result.json`` and so on.

    A result is a dict with at least ``run``, ``seed``, ``fingerprint`` and
    ``finished``; ``metrics`` are there once that is true.

    Args:
        out: The folder.
        force: Whether runs with other inputs may be replaced.
    """

    def __init__(self, out: str | Path, force: bool = False) -> None:
        self.out = Path(out)
        self.force = force
        self.lock_fds: tuple[int, ...] = ()  # for processes to inherit

    def read(self, key: RunKey) -> dict[str, Any] | None:
        """The result of a run, finished or not; None if it was never started."""
        path = self.out / str(key) / _NAME
        if not path.is_file():
            return None
        return read_json(path, dict, ('run', 'seed', 'fingerprint', 'finished'))

    def is_finished(self, key: RunKey, fingerprint: str) -> bool:
        """Tell whether a run is there and done.

        One that was made with other inputs stops everything, or with ``force`` is
        removed.

        Raises:
            ConfigError: If it is there with other inputs.
        """
        result = self.read(key)
        if result is None:
            return False
        if result['fingerprint'] == fingerprint:
            return result['finished']
        if not self.force:
            raise ConfigError(
                f'{self.out / str(key)} holds a run with other inputs (config, '
                'options, data or what it builds on): choose another --out, or replace '
                'such runs with --force'
            )
        shutil.rmtree(self.out / str(key))
        return False

    def write(self, result: dict[str, Any]) -> None:
        """Write a result, all at once."""
        key = RunKey(result['run'], result['seed'])
        text = json.dumps(result, indent=2)
        write_atomically(text.encode(), self.out / str(key) / _NAME)

    def finished(self) -> list[dict[str, Any]]:
        """All finished results, by seed and name."""
        keys = [
            RunKey(path.parent.name, int(path.parent.parent.name[4:]))
            for path in self.out.glob(f'seed[0-9]*/*/{_NAME}')
        ]
        results = [self.read(key) for key in sorted(keys, key=lambda key: key[::-1])]
        return [result for result in results if result['finished']]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from working in the folder.

        Processes that inherit ``lock_fds`` hold the lock, too, so runs that outlive a
        killed reproduction are not joined by others in their folders.

        Raises:
            ConfigError: If another process, or a run that it left, has the lock.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        with open(self.out / '.lock', 'w') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ConfigError(
                    f'another reproduction, or a run that it left behind, is working '
                    f'in {self.out}: wait for its end, or choose another --out'
                ) from error
            self.lock_fds = (file.fileno(),)
            try:
                yield
            finally:
                self.lock_fds = ()


def identities(results: list[dict[str, Any]]) -> set[Identity]:
    """What tells results apart."""
    return {(r['run'], r['seed'], r['fingerprint']) for r in results}


def measurements(results: list[dict[str, Any]]) -> Measurements:
    """Metrics of results by run and seed."""
    measured: Measurements = {}
    for result in results:
        measured.setdefault(result['run'], {})[result['seed']] = result['metrics']
    return measured
