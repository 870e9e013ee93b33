"""What tools/train.py and tools/test.py have in common."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import OPTIMIZERS, RUNNERS
from mmengine.runner import Runner

from ..errors import ConfigError, did_you_mean
from ..guards.weights import load_weights_only
from .explain import explain

_DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that training and testing share."""
    parser.add_argument(
        '--work-dir',
        help='folder for logs, checkpoints and metrics (default: work_dir of the '
        'config, or else work_dirs/CONFIG_NAME)',
    )
    add_model_options(parser)
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes were started (set by dist_*.sh and slurm_*.sh)',
    )
    # torch.distributed.launch passes either spelling.
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS
    )


class _CfgOptions(DictAction):
    def __call__(self, parser, namespace, values, option_string=None):
        try:
            super().__call__(parser, namespace, values, option_string)
        except (ValueError, AssertionError):
            parser.error(f'{option_string} {" ".join(values)}: see --help')


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds ``--cfg-options`` and ``--trust-checkpoint``."""
    add_cfg_options(parser)
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='read checkpoints that hold more than weights. They may run any program '
        'on this machine: only for files whose origin you know',
    )


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Adds ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_CfgOptions,
        metavar='KEY=VALUE',
        help='change settings of the config, e.g. data_root=data/VOCdevkit '
        'train_dataloader.batch_size=4 model.backbone.num_slots=32. Lists: key="[a,b]" '
        'or key=a,b, without spaces',
    )


def positive_int(text: str) -> int:
    """Type of an argument."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is no whole number of at least 1')
    return int(text)


def parse_arguments(
    parser: argparse.ArgumentParser, argv: list[str] | None
) -> argparse.Namespace:
    """Parses the arguments, and passes the local rank on to mmengine."""
    args = parser.parse_args(argv)
    if args.launcher == 'pytorch' and 'RANK' not in os.environ:
        parser.error('--launcher pytorch: use tools/dist_train.sh or dist_test.sh')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def set_work_dir(cfg: Config, args: argparse.Namespace) -> None:
    """Sets ``cfg.work_dir``: from the argument, the config, or the config's name."""
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs', Path(args.config).stem))


def complete_dataloaders(cfg: Config) -> None:
    """Fills in what mmpretrain's own tools do, and makes worker settings agree."""
    for name in _DATALOADERS:
        loader = cfg.get(name)
        if loader is None:
            continue
        if cfg.get('default_scope') == 'mmpretrain':
            loader.setdefault('collate_fn', dict(type='default_collate'))
            loader.setdefault('pin_memory', torch.cuda.is_available())
            loader.setdefault('persistent_workers', True)
        if not loader.get('num_workers'):
            loader.persistent_workers = False


def build_runner(cfg: Config) -> Runner:
    """Builds the runner that a config asks for.

    Raises:
        ConfigError: If its optimizer is unknown, which mmengine does not say.
    """
    kind = (cfg.get('optim_wrapper') or {}).get('optimizer', {}).get('type')
    if isinstance(kind, str) and OPTIMIZERS.get(kind) is None:
        hint = did_you_mean(kind, OPTIMIZERS.module_dict)
        hint = hint or ': add it to custom_imports'
        raise ConfigError(f'optim_wrapper.optimizer.type={kind!r} is unknown{hint}')
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def run_tool(main: Callable[[], object]) -> None:
    """Runs a tool; ends it with one line and status 2 for an error of the user's.

    Unless the tool decides otherwise, what it loads with mmengine is weights only.

    Args:
        main: What the tool does. A :class:`~wwt_mm.errors.WWTError` that it raises is
            printed, and so is what :func:`~wwt_mm.engine.explain.explain` knows of the
            libraries' errors; anything else is a bug and keeps its traceback. All do
            with ``WWT_TRACEBACK=1`` in the environment.
    """
    load_weights_only()
    try:
        main()
    except Exception as error:
        line = explain(error)
        if line is None or os.environ.get('WWT_TRACEBACK', '0') != '0':
            raise
        process = f' (process {os.environ["RANK"]})' if 'RANK' in os.environ else ''
        print(f'error{process}: {line}', file=sys.stderr)
        sys.exit(2)
