"""Trains and tests a config with several seeds: a stage of two runs."""

import json
from collections.abc import Sequence
from pathlib import Path

from wwt_mm.engine import load_config
from wwt_mm.guards.atomic import write_atomically

from .claims import summarise
from .commands import Places, Settings
from .executor import Executor, RunError
from .progress import RunProgress
from .results import ResultStore, measurements
from .run import Run, Stage

REPOSITORY = Path(__file__).resolve().parents[1]


def run_seeds(
    config: str | Path,
    seeds: Sequence[int],
    work_dir: str | Path,
    train_options: Sequence[str] = (),
    cfg_options: Sequence[str] = (),
    gpus: int = 1,
) -> dict:
    """Train and test a config once for each seed.

    What is there with the same config and options is not run again, and a training that
    was interrupted goes on from its last checkpoint.

    Args:
        config: Config file.
        seeds: Seeds.
        work_dir: Folder of all runs, ``seed0/train``, ``seed0/test`` and so on.
        train_options: More arguments of tools/train.py.
        cfg_options: ``KEY=VALUE`` for training and testing.
        gpus: Above one, trainings are distributed over so many.

    Returns:
        ``seeds`` with the metrics of each (those of earlier calls too), ``mean`` and
        ``std`` of each metric, the sample standard deviation, ``None`` for one seed;
        also written to ``seeds.json``.

    Raises:
        RunError: If a run fails. Finished ones are kept.
        ConfigError: If there are runs of other settings.
    """
    load_config(config)  # or say that there is none
    config, changed = str(Path(config).resolve()), tuple(cfg_options)
    stage = Stage(
        name='seeds',
        title='Seeds',
        about='',
        data={},
        runs=(
            Run('train', 'train', config, '', None, changed, tuple(train_options)),
            Run('test', 'test', config, '', 'train', changed),
        ),
        claims=(),
    )
    store = ResultStore(Path(work_dir).resolve())
    places, settings = Places(store.out, {}), Settings(gpus=gpus)
    with RunProgress() as progress, store.locked():
        executor = Executor(stage, places, settings, store, REPOSITORY, progress)
        failed = executor.execute(seeds)
    report = average(measurements(store.finished()).get('test', {}))
    write_atomically(json.dumps(report, indent=2).encode(), store.out / 'seeds.json')
    if failed:
        raise RunError(': '.join(map(str, next(iter(failed.items())))))
    return report


def average(runs: dict[int, dict[str, float]]) -> dict:
    """Mean and deviation of the numbers that all seeds have; see :func:`run_seeds`."""
    common = set.intersection(*map(set, runs.values())) if runs else ()
    names = [
        name
        for name, value in next(iter(runs.values()), {}).items()
        if name in common and not name.endswith('time') and not isinstance(value, str)
    ]
    spread = {name: summarise(run[name] for run in runs.values()) for name in names}
    return dict(
        seeds={str(seed): runs[seed] for seed in sorted(runs)},
        mean={name: mean for name, (mean, _) in spread.items()},
        std={name: std for name, (_, std) in spread.items()},
    )
