"""From a run to its command line, and from what a tool has written to metrics."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from .run import REFERENCE, Run, RunKey


@dataclass(frozen=True)
class Places:
    """Where results go and data is.

    Attributes:
        out: Folder of the reproduction.
        data: Path of each dataset.
    """

    out: Path
    data: dict[str, Path]

    def folder(self, key: RunKey) -> Path:
        """Where a run works."""
        return self.out / str(key)

    def root(self, run: Run) -> Path:
        """Where a run reads its data."""
        name, _, below = run.root.partition('/')
        return self.data[name] / below


@dataclass(frozen=True)
class Settings:
    """What holds for all runs.

    Attributes:
        amp: Whether trainings are in mixed precision.
        workers: Processes that load data, for each run; None leaves it to the config.
        gpus: Above one, trainings are distributed over so many.
        options: ``--cfg-options`` of every training, behind its own.
        checkpoints: Trainings that are not done, because the user has their checkpoint:
            name to file, ``{seed}`` standing for the seed.
    """

    amp: bool = False
    workers: int | None = None
    gpus: int = 1
    options: tuple[str, ...] = ()
    checkpoints: dict[str, str] = field(default_factory=dict)

    def given(self, key: RunKey) -> Path | None:
        """The checkpoint that a training is left out for, if any."""
        pattern = self.checkpoints.get(key.name)
        return Path(pattern.replace('{seed}', str(key.seed))) if pattern else None


@dataclass(frozen=True)
class Inputs:
    """What a run takes from others.

    Attributes:
        checkpoints: The last checkpoint of each training, relative to its folder.
        metrics: What each run has measured.
    """

    checkpoints: dict[str, str]
    metrics: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Tool:
    """A command-line tool.

    Attributes:
        script: Path from the repository's root.
        loaders: The dataloaders that it uses.
        output: Its option for the file that results go to, and that file's name.
        read: Reads metrics from the folder of a run.
    """

    script: str
    loaders: tuple[str, ...]
    read: Callable[[Path], dict[str, float]]
    output: tuple[str, str] | None = None


def build_command(
    run: Run, seed: int, places: Places, settings: Settings, inputs: Inputs | None
) -> list[str]:
    """The command line, to be run in the repository's root.

    Args:
        run: The run.
        seed: Its seed.
        places: Where things are.
        settings: What holds for all runs.
        inputs: What came of other runs; None leaves names of runs in their places,
            which tells what a command depends on before they have run.
    """
    tool = TOOLS[run.tool]
    folder = places.folder(RunKey(run.name, seed))
    training = run.tool == 'train'
    command = ['python', tool.script, run.config]
    if training and settings.gpus > 1:
        command = ['bash', 'tools/dist_train.sh', run.config, str(settings.gpus)]
    options = [f'data_root={places.root(run)}'] if run.root else []

    if inputs is None:
        resolve = str
    else:
        resolve = partial(_resolve, seed=seed, places=places, inputs=inputs)
    if run.weights:
        weights = resolve(f'<{run.weights}>')
        if training:
            options.append(f'load_from={weights}')
        else:
            command.append(weights)
    arguments = [argument.format(**places.data) for argument in run.arguments]
    command += ['--work-dir', str(folder / 'work'), *arguments]
    if tool.output:
        command += [tool.output[0], str(folder / tool.output[1])]
    if training:
        command += ['--seed', str(seed), *(['--amp'] if settings.amp else [])]
    if settings.workers is not None:
        options += [
            f'{loader}_dataloader.num_workers={settings.workers}'
            for loader in tool.loaders
            if run.validates or loader != 'val'
        ]
    options += [resolve(option) for option in run.options]
    if training:
        options += settings.options
    return [*command, *(['--cfg-options', *options] if options else [])]


def _resolve(text: str, seed: int, places: Places, inputs: Inputs) -> str:
    """Puts in what a text refers to."""

    def value(match: re.Match) -> str:
        name, metric = match.groups()
        if metric:
            return str(inputs.metrics[name][metric])
        return str(places.folder(RunKey(name, seed)) / inputs.checkpoints[name])

    return REFERENCE.sub(value, text)


def last_checkpoint(folder: Path) -> str:
    """The newest whole checkpoint of a training, relative to the run's folder."""
    pointer = folder / 'work' / 'last_checkpoint'
    return f'work/{Path(pointer.read_text().strip()).name}'


def _read_test(folder: Path) -> dict[str, float | str]:
    """The newest TIMESTAMP/TIMESTAMP.json; a rule that was searched is text, too."""
    values = json.loads(_newest(folder / 'work', '*/[0-9]*.json').read_text())
    rule = {name: value for name, value in values.items() if name.startswith('rule/')}
    return _numbers(values) | rule


def _read_training(folder: Path) -> dict[str, float]:
    """The last logged line with a loss: of the loss itself, and the time per step."""
    logs = sorted((folder / 'work').glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    lines = [line for line in lines if 'loss' in line]
    if not lines:
        return {}
    return {name: float(lines[-1][name]) for name in ('loss', 'time')}


def _read_explanations(folder: Path) -> dict[str, float]:
    """METHOD/METRIC for each method."""
    rows = json.loads((folder / 'explain.json').read_text())['rows']
    return {
        f'{row["method"]}/{name}': value
        for row in rows
        for name, value in _numbers(row).items()
    }


def _read_invariance(folder: Path) -> dict[str, float]:
    """Similarities at each place, and their mean over all places but the first."""
    report = json.loads((folder / 'invariance.json').read_text())
    metrics = {}
    for kind in ('slots', 'tokens'):
        curve = report[kind]['mean']
        metrics |= {f'{kind}/{place}': value for place, value in enumerate(curve)}
        metrics[kind] = sum(curve[1:]) / len(curve[1:])
        metrics[f'other_{kind}'] = report[f'other_{kind}']['mean']
    return metrics


def _numbers(values: dict) -> dict[str, float]:
    return {name: v for name, v in values.items() if isinstance(v, int | float)}


def _newest(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(f'the tool has left no {pattern} in {folder}')
    return found[-1]


_ANALYSIS = 'tools/analysis_tools'
TOOLS = {
    'train': Tool('tools/train.py', ('train', 'val'), _read_training),
    'test': Tool('tools/test.py', ('test',), _read_test),
    'explain': Tool(
        f'{_ANALYSIS}/explain.py',
        ('test',),
        _read_explanations,
        ('--out', 'explain.json'),
    ),
    'invariance': Tool(
        f'{_ANALYSIS}/translation_invariance.py',
        (),
        _read_invariance,
        ('--out', 'invariance'),
    ),
}
