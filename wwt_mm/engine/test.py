"""Tests a model of any of the libraries: the inside of tools/test.py."""

import argparse
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.evaluator import DumpResults

from ..errors import CheckpointError, ConfigError
from ..guards.bad_image_hook import BadImageHook
from ..guards.checkpoint_fit_hook import CheckpointFitHook
from ..guards.dataset_check import check_annotations, check_datasets
from ..guards.dataset_fit_hook import DatasetFitHook
from ..guards.weights import load_weights_only
from .cli import (
    add_common_arguments,
    build_runner,
    complete_dataloaders,
    parse_arguments,
    set_work_dir,
)
from .config import load_config
from .distributed import prepare_cpu_processes
from .test_time_augmentation import enable_test_time_augmentation
from .visualization import enable_visualization

_EXAMPLE = """examples:
  python tools/test.py configs/mmdet/wwt_det_voc07.py work_dirs/epoch_12.pth
  python tools/test.py CONFIG CHECKPOINT --show-dir pictures --out predictions.pkl
  tools/dist_test.sh configs/mmdet/wwt_det_voc07.py CHECKPOINT 8

The metrics are printed and written to WORK_DIR/TIMESTAMP/TIMESTAMP.json."""


def main(argv: list[str] | None = None) -> dict[str, float]:
    """Tests the model of a config with the weights of a checkpoint.

    Args:
        argv: Command-line arguments; those of the process by default.

    Returns:
        dict[str, float]: The metrics.
    """
    args = parse_arguments(_build_parser(), argv)
    if args.out and not args.out.endswith(('.pkl', '.pickle')):
        raise ConfigError(f'--out writes a pickle file: {args.out} must end with .pkl')
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    set_work_dir(cfg, args)
    _set_checkpoint(cfg, args.checkpoint)
    if args.show or args.show_dir:
        if args.tta and cfg.get('default_scope') == 'mmpretrain':
            raise ConfigError(
                'mmpretrain draws no augmented images: drop --tta or --show-dir'
            )
        enable_visualization(cfg, args.show, args.show_dir, args.wait_time)
    if args.tta:
        enable_test_time_augmentation(cfg)
    complete_dataloaders(cfg)
    check_datasets(cfg, ('test',))
    check_annotations(cfg, ('test',))
    prepare_cpu_processes(cfg)
    load_weights_only(args.trust_checkpoint, '--trust-checkpoint')
    runner = build_runner(cfg)
    runner.register_hook(CheckpointFitHook())
    runner.register_hook(DatasetFitHook())
    runner.register_hook(BadImageHook())  # also where the config does not name it
    if args.out:
        runner.test_evaluator.metrics.append(_build_dump(cfg, args.out))
    return runner.test()


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description='Test (and evaluate) a model of mmdet, mmseg or mmpretrain.',
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out', metavar='FILE.pkl', help='write all predictions to a pickle file'
    )
    parser.add_argument(
        '--show-dir', metavar='FOLDER', help='draw predictions into this folder'
    )
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window'
    )
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds to show each picture for'
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help='test-time augmentation: by tta_pipeline and tta_model of the config, or '
        'else by averaging over flipped images',
    )
    add_common_arguments(parser)
    return parser


def _set_checkpoint(cfg: Config, checkpoint: str) -> None:
    if '://' not in checkpoint and not Path(checkpoint).exists():
        raise CheckpointError(f'no checkpoint file at {checkpoint}')
    cfg.load_from = checkpoint
    cfg.resume = False


def _build_dump(cfg: Config, path: str) -> Any:
    if cfg.get('default_scope') == 'mmdet':
        from mmdet.evaluation import DumpDetResults  # packs masks

        return DumpDetResults(out_file_path=path)
    return DumpResults(out_file_path=path)
