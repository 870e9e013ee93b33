"""Which runs may start: those whose needs are met."""

from collections.abc import Iterable

from .run import Run, RunKey


class Schedule:
    """Keeps account of runs that build on one another.

    Args:
        runs: All runs; a run's needs are those of the same seed.
        finished: Those that are done.
        todo: Those that are not; the first that is ready starts first.
    """

    def __init__(
        self, runs: Iterable[Run], finished: Iterable[RunKey], todo: Iterable[RunKey]
    ) -> None:
        self._needs = {run.name: run.needs for run in runs}
        self._done = set(finished)
        self._todo = list(todo)
        self._started: set[RunKey] = set()

    @property
    def is_empty(self) -> bool:
        """bool: Whether nothing is waiting or running."""
        return not self._todo and not self._started

    def start_next(self) -> RunKey | None:
        """The next run that can start, now counted as started; None if none can."""
        for key in self._todo:
            if self._needed(key) <= self._done:
                self._todo.remove(key)
                self._started.add(key)
                return key
        return None

    def finish(self, key: RunKey) -> None:
        """Tell that a run has ended well."""
        self._started.remove(key)
        self._done.add(key)

    def fail(self, key: RunKey) -> list[RunKey]:
        """Tell that a run has failed.

        Returns:
            The runs that can never start now, in their order; they are dropped.
        """
        self._started.remove(key)
        lost = [key]
        for other in self._todo:  # those that need others come behind them
            if self._needed(other) & set(lost):
                lost.append(other)
        self._todo = [other for other in self._todo if other not in lost]
        return lost[1:]

    def _needed(self, key: RunKey) -> set[RunKey]:
        return {RunKey(name, key.seed) for name in self._needs[key.name]}
