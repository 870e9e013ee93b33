"""Works through a stage's runs: several at once, each when what it needs is there."""

import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timezone
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from wwt_mm.errors import WWTError

from . import provenance
from .commands import TOOLS, Inputs, Places, Settings, build_command, last_checkpoint
from .cores import usable_cores
from .fingerprint import Fingerprints, anywhere
from .launcher import Launcher
from .progress import RunProgress
from .results import Identity, ResultStore
from .run import Run, RunKey, Stage


class RunError(WWTError):
    """A run has failed."""


@dataclass
class Executor:
    """Does what of a stage is not done.

    Args:
        stage: The stage.
        places: Where things are.
        settings: What holds for all runs.
        store: Where results are.
        repository: The repository's root, where tools are started.
        progress: What is told about it.
        jobs: Runs at once.
    """

    stage: Stage
    places: Places
    settings: Settings
    store: ResultStore
    repository: Path
    progress: RunProgress
    jobs: int = 1

    def __post_init__(self) -> None:
        self._runs = {run.name: run for run in self.stage.runs}
        self._fingerprint = Fingerprints(
            self.stage, self.places, self.settings, self.repository
        )
        share = max(usable_cores() // self.jobs, 1)
        wish = os.environ.get('OMP_NUM_THREADS', '')
        self._threads = (int(wish) if wish.isdigit() else 0) or share
        self._launch = Launcher(self.repository, self._threads)

    def plan(self, seeds: Sequence[int]) -> tuple[list[RunKey], list[RunKey]]:
        """Sort runs into finished ones and those to do, in the order of starting.

        Raises:
            ConfigError: If a run is there with other inputs; see
                :meth:`ResultStore.is_finished`.
        """
        keys = self._keys(seeds)
        done = {
            key: self.store.is_finished(key, self._fingerprint(*key)) for key in keys
        }
        return [k for k in keys if done[k]], [k for k in keys if not done[k]]

    def identities(self, seeds: Sequence[int]) -> set[Identity]:
        """Of what :meth:`execute` will leave."""
        return {(*key, self._fingerprint(*key)) for key in self._keys(seeds)}

    def _keys(self, seeds: Sequence[int]) -> list[RunKey]:
        return [RunKey(run.name, seed) for seed in seeds for run in self.stage.runs]

    def prepare(self) -> None:
        """Make the stage's data, if that is how it comes.

        Raises:
            RunError: If that fails.
        """
        if not self.stage.prepare:
            return
        self.progress.say('preparing data')
        command = self.stage.prepare_command(self.places.data)
        self._call(command, self.store.out / 'prepare.log')

    def execute(self, seeds: Sequence[int]) -> dict[RunKey, str]:
        """Do all runs that are not finished.

        A run that fails takes those with it that need it; the others go on.

        Returns:
            What went wrong: by run, one line.
        """
        finished, todo = self.plan(seeds)
        self.progress.begin(len(finished), len(todo))
        order = TopologicalSorter({key: self._needs(key) & {*todo} for key in todo})
        order.prepare()
        failed: dict[RunKey, str] = {}
        ready: list[RunKey] = []
        working: dict[Future, RunKey] = {}
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                while order.is_active():
                    ready = sorted([*ready, *order.get_ready()], key=todo.index)
                    while ready and len(working) < self.jobs:
                        key = ready.pop(0)
                        working[pool.submit(self._do, key)] = key
                    if not working:
                        break  # what is left needs what has failed
                    for work in wait(working, return_when=FIRST_COMPLETED).done:
                        key = working.pop(work)
                        if error := self._end(key, work):
                            failed[key] = error
                        else:
                            order.done(key)
            except BaseException as error:
                # Trainings will go on from their last checkpoints.
                self._launch.stop()
                if isinstance(error, KeyboardInterrupt):
                    raise RunError('stopped; start again to go on') from None
                raise
        for key in todo:
            if lost := self._needs(key) & failed.keys():
                failed[key] = f'left out, because {min(lost)} failed'
                self.progress.end(key, failed[key])
        return failed

    def _needs(self, key: RunKey) -> set[RunKey]:
        return {RunKey(name, key.seed) for name in self._runs[key.name].needs}

    def _end(self, key: RunKey, work: Future) -> str | None:
        """Takes note of how a run has ended; returns what went wrong."""
        message = None
        try:
            work.result()
        except WWTError as error:
            message = str(error)
        except (OSError, ValueError, KeyError) as error:
            message = f'{type(error).__name__}: {error}'
        self.progress.end(key, message)
        return message

    def _do(self, key: RunKey) -> None:
        """Does one run and writes its result.

        Raises:
            RunError: If the tool fails.
        """
        run = self._runs[key.name]
        folder = self.places.folder(key)
        before = self.store.read(key) or {}
        inputs = self._inputs(run, key.seed)
        result = self._describe(run, key, inputs)
        result['attempts'] = before.get('attempts', 0) + 1
        self.store.write(result)
        if given := self.settings.given(key):
            self.store.write(result | _adopt(given, folder))
            return
        command = build_command(run, key.seed, self.places, self.settings, inputs)
        if run.tool == 'train':
            # Goes on after a kill; the first time there is nothing to resume from.
            command.insert(command.index('--work-dir'), '--resume')
        start = time.perf_counter()
        with self.progress.following(key, folder / 'log.txt'):
            processor_seconds = self._call(command, folder / 'log.txt')
        result['seconds'] = round(time.perf_counter() - start, 1)
        result['processor_seconds'] = round(processor_seconds, 2)
        result['metrics'] = TOOLS[run.tool].read(folder)
        result['finished'] = True
        self.store.write(result)

    def _inputs(self, run: Run, seed: int) -> Inputs:
        """Reads what other runs have left for this one."""
        checkpoints, metrics = {}, {}
        for name in run.needs:
            key = RunKey(name, seed)
            metrics[name] = self.store.read(key)['metrics']
            if self._runs[name].tool == 'train':
                checkpoints[name] = last_checkpoint(self.places.folder(key))
        return Inputs(checkpoints, metrics)

    def _describe(self, run: Run, key: RunKey, inputs: Inputs) -> dict[str, Any]:
        """What is known of a run before it starts."""
        command = build_command(
            run, key.seed, anywhere(self.stage), self.settings, inputs
        )
        return dict(
            run=key.name,
            seed=key.seed,
            finished=False,
            fingerprint=self._fingerprint(*key),
            config=run.config,
            options=' '.join(command).partition('--cfg-options ')[2].split(),
            command=' '.join(command),
            amp=self.settings.amp and run.tool == 'train',
            train_options=list(self.settings.options),
            started=datetime.now(timezone.utc).isoformat(timespec='seconds'),
            git=provenance.git_revision(self.repository),
            versions=provenance.versions(),
            machine=provenance.machine(self._threads),
        )

    def _call(self, command: list[str], log: Path) -> float:
        """Runs a command to its end, its output going to a log.

        Returns:
            The processor time it took, in seconds, with its workers.

        Raises:
            RunError: If it fails; with its last words.
        """
        code, seconds = self._launch(command, log, self.store.lock_fds)
        if code:
            raise RunError(f'{last_words(log)} (status {code}; all of it: {log})')
        return seconds


def _adopt(checkpoint: Path, folder: Path) -> dict[str, Any]:
    """Takes a checkpoint that the user has for the result of a training.

    Returns:
        What the result says instead of what a training would.
    """
    work = folder / 'work'
    work.mkdir(parents=True, exist_ok=True)
    name = f'given{Path(checkpoint).suffix}'  # which tells how to read it
    shutil.copyfile(checkpoint, work / name)
    (work / 'last_checkpoint').write_text(name)
    return dict(
        command='(trained before: --checkpoint)',
        seconds=0,
        processor_seconds=0,
        metrics={},
        finished=True,
    )


def last_words(log: Path) -> str:
    """The line of a log that tells best what went wrong."""
    lines = log.read_text(errors='replace').splitlines() if log.exists() else []
    lines = [line.strip() for line in lines if line.strip()]
    errors = [line for line in lines[-20:] if line.startswith('error')]
    return (errors or lines or ['it said nothing'])[-1][:300]
