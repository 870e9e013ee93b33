"""Trains a model of any of the libraries: the inside of tools/train.py."""

import argparse
import os
from pathlib import Path

from mmengine.config import Config

from ..errors import CheckpointError, ConfigError
from ..guards.checkpoint_fit_hook import CheckpointFitHook
from ..guards.checkpoint_hook import find_resumable_checkpoint, find_whole_checkpoint
from ..guards.dataset_check import check_annotations, check_datasets
from ..guards.dataset_fit_hook import DatasetFitHook, check_batches
from ..guards.resume_fit_hook import ResumeFitHook
from ..guards.weights import load_weights_only
from .cli import (
    add_common_arguments,
    build_runner,
    complete_dataloaders,
    parse_arguments,
    set_work_dir,
)
from .compilation import compile_blocks
from .config import load_config
from .distributed import prepare_accumulation, prepare_cpu_processes
from .precision import AMP_DTYPES, allow_tf32, enable_amp

_EXAMPLE = """examples:
  python tools/train.py configs/mmdet/wwt_det_voc07.py
  python tools/train.py configs/mmdet/wwt_det_voc07.py --resume --seed 0 \\
      --cfg-options data_root=data/VOCdevkit train_dataloader.batch_size=4
  tools/dist_train.sh configs/mmdet/wwt_det_voc07.py 8

Without a GPU it trains on the CPU; so it does with CUDA_VISIBLE_DEVICES=-1."""


def main(argv: list[str] | None = None) -> None:
    """Trains the model of a config.

    Args:
        argv: Command-line arguments; those of the process by default.
    """
    args = parse_arguments(_build_parser(), argv)
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    set_work_dir(cfg, args)
    if not cfg.get('train_dataloader') or not cfg.get('optim_wrapper'):
        raise ConfigError(f'{args.config} trains nothing: it is for tools/test.py')
    if args.amp:
        enable_amp(cfg, None if args.amp == 'auto' else args.amp)
    if args.auto_scale_lr:
        enable_lr_scaling(cfg)
    _set_randomness(cfg, args)
    set_resumption(cfg, args.resume)
    complete_dataloaders(cfg)
    stages = ('train', 'val') if cfg.get('val_cfg') else ('train',)
    check_datasets(cfg, stages)
    check_annotations(cfg, stages)
    prepare_cpu_processes(cfg)
    prepare_accumulation(cfg)
    load_weights_only(args.trust_checkpoint, '--trust-checkpoint')
    runner = build_runner(cfg)
    check_batches(runner.train_loop.dataloader)
    if not runner.train_loop.max_iters:
        raise ConfigError(f'{cfg.train_cfg} trains nothing: one epoch is the least')
    allow_tf32(runner.logger)
    compile_blocks(runner)
    runner.register_hook(DatasetFitHook())
    runner.register_hook(CheckpointFitHook('resume' if cfg.get('resume') else 'train'))
    runner.register_hook(ResumeFitHook())
    runner.train()


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description='Train a model of mmdet, mmseg or mmpretrain.',
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue from a checkpoint: the given one, or else the last one in the '
        'work dir (from the start if there is none)',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const='auto',
        choices=['auto', *AMP_DTYPES],
        help='train with automatic mixed precision: in bfloat16 (only CPUs with '
        'instructions for it get faster), or float16 on GPUs without it or if named',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate with the batch size over all processes',
    )
    parser.add_argument(
        '--seed',
        type=_seed,
        help='random seed (default: drawn, logged and checkpointed)',
    )
    parser.add_argument(
        '--deterministic',
        action='store_true',
        help='use deterministic kernels only, which may be slower',
    )
    add_common_arguments(parser)
    return parser


def _seed(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f'{text!r} is no number from 0 to 2**32 - 1')
    return int(text)


def enable_lr_scaling(cfg: Config) -> None:
    """Scales the learning rate with the images of a step of the optimizer.

    Raises:
        ConfigError: If the config does not tell for how many its rate is meant.
    """
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise ConfigError(
            f'--auto-scale-lr needs the batch size that the learning rate of '
            f'{cfg.filename} is meant for: --cfg-options '
            'auto_scale_lr.base_batch_size=64'
        )
    # mmengine counts the images of an iteration, not those of a step of the optimizer.
    steps = cfg.optim_wrapper.get('accumulative_counts', 1)
    cfg.auto_scale_lr.base_batch_size /= steps
    cfg.auto_scale_lr.enable = True


def _set_randomness(cfg: Config, args: argparse.Namespace) -> None:
    randomness = cfg.get('randomness') or {}
    if args.seed is not None:
        randomness['seed'] = args.seed
    if args.deterministic:
        randomness['deterministic'] = True
    if randomness.get('deterministic'):
        # cuBLAS reads it when it is first used, and needs it to be deterministic.
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    cfg.randomness = randomness


def set_resumption(cfg: Config, checkpoint: str | None) -> None:
    """Sets ``resume`` and ``load_from`` to what ``--resume`` asks for.

    Args:
        cfg: The config, with its ``work_dir``.
        checkpoint: A file; ``'auto'``: the last one of the work dir; ``None``: cfg's.

    Raises:
        CheckpointError: If it is not there, or damaged with no whole one before it.
    """
    if checkpoint is None and cfg.get('resume') and not cfg.get('load_from'):
        checkpoint = 'auto'  # as mmengine means it
    if checkpoint == 'auto':
        found = find_resumable_checkpoint(cfg.work_dir)
        # With nothing to resume, the run begins as it would without --resume: from
        # the pretrained weights of load_from, if there are any.
        cfg.resume = found is not None
        cfg.load_from = find_whole_checkpoint(found) if found else cfg.get('load_from')
    elif checkpoint is not None:
        if '://' not in checkpoint and not Path(checkpoint).exists():
            raise CheckpointError(f'no checkpoint to resume from at {checkpoint}')
        cfg.resume = True
        cfg.load_from = checkpoint
