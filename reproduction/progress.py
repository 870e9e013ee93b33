"""What a reproduction is doing, for people who wait for it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

from .run import RunKey

_STEP = re.compile(
    r'Epoch\((train|val|test)\)\s+(?:\[(\d+)\])?\[\s*(\d+)/(\d+)\]'
    r'(?:.*? loss: ([\d.]+))?'
)
_TAIL = 4000  # bytes of a log that are looked at


class RunProgress:
    """A bar for all runs, and a line for each that is running.

    Args:
        console: Where to.
        interval: Seconds between looks at the logs.
    """

    def __init__(self, console: Console | None = None, interval: float = 1.0) -> None:
        self.console = console or Console()
        self._interval = interval
        self._progress = Progress(
            TextColumn('{task.description}'),
            BarColumn(),
            MofNCompleteColumn(),
            Elapsed(),
            console=self.console,
        )
        self._all = None

    def __enter__(self) -> 'RunProgress':
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(text, highlight=False)

    def begin(self, finished: int, todo: int) -> None:
        """Tell how many runs there are."""
        if finished:
            self.say(f'{finished} runs are finished already')
        total = finished + todo
        self._all = self._progress.add_task('runs', total=total, completed=finished)

    def end(self, key: RunKey, error: str | None = None) -> None:
        """Tell that a run has ended, well or not."""
        if error:
            self.say(f'[red]{key}: {error}[/red]')
        elif not self.console.is_terminal:  # where nobody sees the bars move
            self.say(f'{key} has finished')
        self._progress.advance(self._all)

    @contextmanager
    def following(self, key: RunKey, log: Path) -> Iterator[None]:
        """Show how far a run is, from what it logs, until the block ends."""
        task = self._progress.add_task(str(key), total=None)
        ended = threading.Event()

        def follow() -> None:
            while not ended.wait(self._interval):
                if state := read_state(log):
                    text, step, steps = state
                    self._progress.update(
                        task, description=f'{key} {text}', completed=step, total=steps
                    )

        watcher = threading.Thread(target=follow, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            self._progress.remove_task(task)


def read_state(log: Path) -> tuple[str, int, int] | None:
    """What a log's end says: a text, the step within the epoch, and its steps."""
    if not log.is_file():
        return None
    with log.open('rb') as file:
        file.seek(max(log.stat().st_size - _TAIL, 0))
        matches = _STEP.findall(file.read().decode(errors='replace'))
    if not matches:
        return None
    mode, epoch, step, steps, loss = matches[-1]
    text = f'epoch {epoch}' if mode == 'train' else 'testing'
    if loss:
        text += f', loss {float(loss):.2f}'
    return text, int(step), int(steps)
