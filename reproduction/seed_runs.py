"""Trains and tests a config with several seeds, and averages the metrics."""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from wwt_mm.errors import ResultError, WWTError
from wwt_mm.guards.atomic import write_atomically
from wwt_mm.guards.checkpoint_hook import find_resumable_checkpoint
from wwt_mm.guards.json_file import read_json

_TOOLS = Path(__file__).parents[1] / 'tools'


class RunFailedError(WWTError):
    """A run that another command started has ended with an error."""


def run_seeds(
    config: str,
    seeds: Sequence[int],
    work_dir: str | Path,
    train_options: Sequence[str] = (),
    cfg_options: Sequence[str] = (),
    gpus: int = 1,
) -> dict:
    """Train and test a config once for each seed.

    Each run has a folder and processes of its own. ``work_dir/seeds.json`` is written
    after each; what stands there with the same config and options is not run again, and
    a training that was interrupted goes on from its last checkpoint.

    Args:
        config: Config file.
        seeds: Seeds.
        work_dir: Folder of all runs.
        train_options: More arguments of tools/train.py.
        cfg_options: ``KEY=VALUE`` for training and testing.
        gpus: Processes of each run, one for each GPU.

    Returns:
        ``config``, ``options``, ``seeds`` with the metrics of each (those of earlier
        calls too), ``mean`` and ``std`` of each metric.

    Raises:
        RunFailedError: If a run fails. Finished ones are kept.
    """
    work_dir = Path(work_dir)
    file = work_dir / 'seeds.json'
    options = [*train_options, *cfg_options]
    runs = _read_runs(file, config, options)
    for seed in seeds:
        if seed not in runs:
            folder = work_dir / f'seed_{seed}'
            runs[seed] = _run(config, seed, folder, train_options, cfg_options, gpus)
            report = summarise(config, options, runs)
            write_atomically(json.dumps(report, indent=2).encode(), file)
    return summarise(config, options, runs)


def summarise(
    config: str, options: Sequence[str], runs: dict[int, dict[str, float]]
) -> dict:
    """Average over seeds.

    Args:
        config: Config file.
        options: What was changed.
        runs: Metrics by seed; those that not all seeds have are left out.

    Returns:
        See :func:`run_seeds`; ``std`` is the sample standard deviation, ``None`` with
        fewer than two seeds.
    """
    names = [
        name
        for name in next(iter(runs.values()), {})
        if all(isinstance(run.get(name), int | float) for run in runs.values())
    ]
    values = {name: [run[name] for run in runs.values()] for name in names}
    return dict(
        config=str(config),
        options=list(options),
        seeds={str(seed): runs[seed] for seed in sorted(runs)},
        mean={name: statistics.fmean(v) for name, v in values.items()},
        std={
            name: statistics.stdev(v) if len(v) > 1 else None
            for name, v in values.items()
        },
    )


def _read_runs(
    file: Path, config: str, options: Sequence[str]
) -> dict[int, dict[str, float]]:
    """Runs that are finished, unless they were other ones."""
    if not file.is_file():
        return {}
    report = read_json(file, dict, ('config', 'options', 'seeds'))
    if report['config'] != str(config) or report['options'] != list(options):
        former = report['options'] if isinstance(report['options'], list) else []
        former = ' '.join(map(str, [report['config'], *former]))
        raise RunFailedError(
            f'{file} holds runs of {former}: '
            'give another --work-dir, or remove that folder'
        )
    try:
        return {int(seed): dict(run) for seed, run in report['seeds'].items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ResultError(
            f'{file} is no result of this tool: seeds must hold the metrics of each '
            'seed. Move it away'
        ) from error


def _run(
    config: str,
    seed: int,
    folder: Path,
    train_options: Sequence[str],
    cfg_options: Sequence[str],
    gpus: int,
) -> dict[str, float]:
    """Train, test the last checkpoint, and return its metrics."""
    changed = ['--cfg-options', *cfg_options] if cfg_options else []
    train = [config, '--seed', str(seed), '--work-dir', str(folder), '--resume']
    _start('train', [*train, *train_options, *changed], gpus)
    checkpoint = find_resumable_checkpoint(folder)
    if checkpoint is None:
        raise RunFailedError(f'{folder} holds no checkpoint to test')
    tests = folder / 'test'
    test = [config, checkpoint, '--work-dir', str(tests)]
    _start('test', [*test, *changed], gpus)
    newest = max(tests.glob('*/*.json'), key=lambda path: path.stat().st_mtime)
    metrics = json.loads(newest.read_text())
    return {name: v for name, v in metrics.items() if not name.endswith('time')}


def _start(tool: str, arguments: Sequence[str], gpus: int) -> None:
    command = [sys.executable]
    if gpus > 1:
        command += ['-m', 'torch.distributed.run', '--standalone']
        command += [f'--nproc_per_node={gpus}']
        arguments = [*arguments, '--launcher', 'pytorch']
    command += [str(_TOOLS / f'{tool}.py'), *arguments]
    print('$', ' '.join(command), flush=True)
    code = subprocess.run(command, check=False).returncode
    if code:
        raise RunFailedError(
            f'tools/{tool}.py ended with status {code}; its last lines, above, say why'
        )
