"""The command line of tools/reproduce.py."""

import argparse
import shlex
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from wwt_mm.errors import ConfigError

from .commands import Places, Settings
from .cores import cpu_has_bfloat16, usable_cores
from .executor import Executor, RunError
from .progress import RunProgress
from .report import check_kept, write_report
from .results import ResultStore, identities
from .run import Stage
from .stages import STAGES

_EXAMPLE = """examples:
  python tools/reproduce.py --quick                 # scenes, one seed
  python tools/reproduce.py                         # scenes, three seeds
  python tools/reproduce.py scenes --claims 3 4 --seeds 0
  python tools/reproduce.py photos --data tiny-imagenet=PATH --data voc=PATH \
      --checkpoint wwt=wwt_{seed}.pth
  python tools/reproduce.py cifar --data cifar10=PATH
  python tools/reproduce.py imagenet --gpus 8 --data imagenet=PATH --data voc=PATH

Stopped and started again, it goes on. Finished runs are not done again, and results of
other settings are not replaced without --force. Each run has a folder, OUT/seed0/NAME,
with its log, and its result as result.json."""


def main(argv: list[str] | None = None) -> None:
    """Do the runs of a stage and write the page.

    Raises:
        WWTError: If something is wrong with arguments or data, or a run fails.
    """
    args = _build_parser().parse_args(argv)
    repository = Path(__file__).resolve().parents[1]
    if not (repository / 'tools' / 'train.py').is_file():
        raise ConfigError(
            'tools/ and configs/ are not installed with the package: run '
            'tools/reproduce.py of a clone of the repository'
        )
    whole = STAGES[args.stage]
    stage = whole.select(args.claims, args.quick)
    if args.scene_options and stage.prepare:
        options = shlex.split(args.scene_options)
        stage = replace(stage, prepare=(*stage.prepare, *options))
    name = stage.name
    if args.quick and any(run.quick for run in stage.runs):
        name += '-quick'  # its results are others
    out = (args.out or Path('work_dirs/reproduction') / name).resolve()
    seeds = args.seeds or (stage.seeds[:1] if args.quick else stage.seeds)
    settings = _settings(args, whole, seeds)  # one command line for all claims
    places = Places(out, _locate_data(stage, args.data))
    store = ResultStore(out, args.force)
    report = args.report.resolve() if args.report else out
    begin = time.perf_counter()
    failed = {}
    with RunProgress() as progress:
        if not args.report_only:
            stage.check_data(places.data)
            executor = Executor(
                stage,
                places,
                settings,
                store,
                repository,
                progress,
                args.jobs or (1 if torch.cuda.is_available() else usable_cores()),
            )
            with store.locked():
                executor.prepare()
                if not args.force:  # said now, not after hours
                    kept = executor.identities(seeds) | identities(store.finished())
                    check_kept(whole, report, kept)
                failed = executor.execute(seeds)
    results = store.finished()
    page = write_report(STAGES.values(), whole, results, report, args.force)
    minutes = (time.perf_counter() - begin) / 60
    print(f'{len(results)} results, {minutes:.1f} minutes; wrote {page}')
    if failed:
        raise RunError(
            f'{len(failed)} runs failed, the first: {next(iter(failed.items()))}; '
            'start again to repeat them'
        )


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Measure the paper's claims, from data to table.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'stage',
        nargs='?',
        choices=list(STAGES),
        default='scenes',
        help='which data: generated scenes (default; a CPU will do), photographs of '
        'Tiny-ImageNet and VOC (a CPU and a day, or checkpoints), CIFAR-10 (a GPU is '
        "advised), or ImageNet and VOC, the paper's own",
    )
    parser.add_argument(
        '--quick',
        action='store_true',
        help='one seed, without the longer ablations; of photographs a small part, to '
        'see all runs work',
    )
    parser.add_argument(
        '--checkpoint',
        action='append',
        default=[],
        metavar='RUN=FILE',
        help='leave out a training (such as wwt, vit, mae) and take its checkpoint '
        'from here; {seed} in FILE stands for the seed',
    )
    parser.add_argument('--seeds', type=int, nargs='+', metavar='N')
    parser.add_argument(
        '--claims',
        type=int,
        nargs='+',
        metavar='N',
        help='only these, and what they need',
    )
    parser.add_argument(
        '--data',
        action='append',
        default=[],
        metavar='NAME=PATH',
        help='where a dataset is; the names are scenes; tiny-imagenet, voc; cifar10; '
        'imagenet, imagenet-s, voc (default: as in docs/datasets.md)',
    )
    parser.add_argument(
        '--out',
        type=Path,
        help='folder of the runs (default: work_dirs/reproduction/STAGE)',
    )
    parser.add_argument(
        '--report',
        type=Path,
        metavar='FOLDER',
        help='where the page goes (default: OUT; docs renews docs/reproduction.md)',
    )
    parser.add_argument(
        '--report-only', action='store_true', help='write the page, run nothing'
    )
    parser.add_argument(
        '--force', action='store_true', help='replace results of other settings'
    )
    parser.add_argument(
        '--jobs',
        type=int,
        help='runs at once, sharing the cores (default: one per core; 1 with a GPU); '
        'OMP_NUM_THREADS sets the threads of each, as where others need cores, too',
    )
    parser.add_argument(
        '--gpus', type=int, default=1, help='GPUs of each training (default: 1)'
    )
    parser.add_argument(
        '--amp',
        choices=['auto', 'on', 'off'],
        default='auto',
        help='train in mixed precision (auto: on GPUs, and CPUs that have bfloat16)',
    )
    parser.add_argument(
        '--scene-options', default='', metavar='TEXT', help='options of make_scenes.py'
    )
    parser.add_argument(
        '--train-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='--cfg-options of every training, e.g. train_cfg.max_epochs=1',
    )
    return parser


def _locate_data(stage: Stage, given: list[str]) -> dict[str, Path]:
    """Paths of datasets: the usual ones, or what was said.

    Raises:
        ConfigError: If a name is none of the stage's, or the path is missing.
    """
    data = dict(stage.data)
    for text in given:
        name, _, path = text.partition('=')
        if name not in data or not path:
            raise ConfigError(
                f'--data {text}: write NAME=PATH, NAME being one of {", ".join(data)}'
            )
        data[name] = path
    return {name: Path(path).resolve() for name, path in data.items()}


def _settings(args: argparse.Namespace, stage: Stage, seeds: Sequence[int]) -> Settings:
    on_gpu = torch.cuda.is_available()
    amp = args.amp == 'on' or (args.amp == 'auto' and (on_gpu or cpu_has_bfloat16()))
    # Processes that load data would share the cores with the trainings.
    workers = None if on_gpu else 0
    checkpoints = _locate_checkpoints(args.checkpoint, stage, seeds)
    return Settings(amp, workers, args.gpus, tuple(args.train_options), checkpoints)


def _locate_checkpoints(
    given: list[str], stage: Stage, seeds: Sequence[int]
) -> dict[str, str]:
    """Files of trainings that are not to be done.

    Raises:
        ConfigError: If a name is no training of the stage's, or a file is missing.
    """
    trainings = [run.name for run in stage.runs if run.tool == 'train']
    checkpoints = {}
    for text in given:
        name, _, path = text.partition('=')
        if name not in trainings or not path:
            raise ConfigError(
                f'--checkpoint {text}: write RUN=FILE, RUN being one of '
                f'{", ".join(trainings)}'
            )
        if len(seeds) > 1 and '{seed}' not in path:
            raise ConfigError(
                f'--checkpoint {text}: with {len(seeds)} seeds, FILE must hold {{seed}}'
            )
        for seed in seeds:
            if not Path(path.replace('{seed}', str(seed))).is_file():
                raise ConfigError(f'--checkpoint {text}: no file for seed {seed}')
        checkpoints[name] = str(Path(path).resolve())
    return checkpoints
