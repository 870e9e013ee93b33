"""Prints Table 1's row of a classifier: its size, accuracy and explanations.

An explanation is a map of what matters in an image. Drop is how much of the confidence
in the predicted class is lost on average, and Increase the share of images in which it
grows, where the image is multiplied by its map (Grad-CAM++'s definitions).

methods, both that suit the backbone being the default:
  masks             WWT: raw masks, rectified and averaged; that of Table 1
  class-activation  WWT: masks, weighted by their slots' scores of the class (eq. 8)
  rectified-heads   WWT: as masks, each head rectified by itself; only if asked for
  class-token       ViT: the last layer's attention of the class token
  rollout           ViT: attention rollout

example, which prints both rows of a ViT:
  python tools/analysis_tools/explain.py configs/mmpretrain/deit_tiny_in1k.py
      epoch_300.pth --out deit_tiny.json
"""

import argparse
import json
import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from rich import box
from rich.console import Console
from rich.table import Table

from wwt_mm.deployment.onnx_export import default_shape
from wwt_mm.engine import load_config, prepare_cpu_processes
from wwt_mm.engine.cli import (
    add_common_arguments,
    build_runner,
    complete_dataloaders,
    parse_arguments,
    run_tool,
    set_work_dir,
)
from wwt_mm.errors import CheckpointError, ConfigError
from wwt_mm.guards import check_datasets, write_atomically
from wwt_mm.guards.checkpoint_fit_hook import CheckpointFitHook
from wwt_mm.guards.weights import load_weights_only

# The reproduction is a project of the clone, and not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from reproduction.benchmark.complexity import count  # noqa: E402


def main() -> None:
    """Evaluates each method, and prints and writes the rows."""
    args = parse_arguments(build_parser(), None)
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    set_work_dir(cfg, args)
    if '://' not in args.checkpoint and not Path(args.checkpoint).is_file():
        raise CheckpointError(f'no checkpoint file at {args.checkpoint}')
    cfg.load_from = args.checkpoint
    set_evaluation(cfg, args.blank)
    complete_dataloaders(cfg)
    check_datasets(cfg, ('test',))
    prepare_cpu_processes(cfg)
    load_weights_only(args.trust_checkpoint, '--trust-checkpoint')
    rows = evaluate(build_runner(cfg), args.method)
    if is_main_process():
        report = dict(config=args.config, checkpoint=args.checkpoint, rows=rows)
        print_table(Path(args.config).stem, rows)
        if args.out:
            write_atomically(json.dumps(report, indent=2).encode(), args.out)


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help="config of one of mmpretrain's classifiers")
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--method',
        nargs='+',
        choices=[
            'masks',
            'class-activation',
            'rectified-heads',
            'class-token',
            'rollout',
        ],
        help='one row for each',
    )
    parser.add_argument(
        '--blank',
        choices=['mean', 'black'],
        default='mean',
        help="what hidden pixels become: the data set's mean (default) or black",
    )
    parser.add_argument('--out', metavar='FILE.json', help='write the rows there, too')
    add_common_arguments(parser)
    return parser


def set_evaluation(cfg: Config, blank: str) -> None:
    """Makes the test of a config one of explanations.

    Raises:
        ConfigError: If the config has no test, or is not one of mmpretrain.
    """
    if cfg.get('default_scope') != 'mmpretrain' or not cfg.get('test_evaluator'):
        raise ConfigError(
            f'{cfg.filename} is no config of mmpretrain with a test_evaluator: '
            'explanations are of classifiers'
        )
    import reproduction.explanation  # noqa: F401  (registers what follows)

    metrics = cfg.test_evaluator
    metrics = metrics if isinstance(metrics, list) else [metrics]
    cfg.test_evaluator = [*metrics, dict(type='ExplanationMetric')]
    cfg.test_cfg = dict(type='ExplanationTestLoop', blank=blank)


def evaluate(runner: Runner, methods: list[str] | None) -> list[dict]:
    """Tests the runner's model once for each method.

    Returns:
        list[dict]: For each, ``method``, ``macs``, ``params`` and the metrics.
    """
    runner.register_hook(CheckpointFitHook())
    loop = runner.test_loop
    rows = []
    for method in methods or loop.suitable:
        loop.method = method
        metrics = loop.run() if rows else runner.test()
        rows.append(dict(method=method, **metrics))
    size = count(loop.classifier.requires_grad_(False), default_shape(runner.cfg)).total
    return [dict(macs=size.macs, params=size.params, **row) for row in rows]


def print_table(name: str, rows: list[dict]) -> None:
    """Prints the columns of Table 1."""
    table = Table(box=box.SIMPLE)
    for title in ('model', 'method'):
        table.add_column(title, no_wrap=True)
    for title in ('MACs', 'params', 'top-1', 'drop', 'inc.'):
        table.add_column(title, justify='right')
    for row in rows:
        table.add_row(
            name,
            row['method'],
            f'{row["macs"] / 1e9:.3g} G',
            f'{row["params"] / 1e6:.3g} M',
            f'{row["accuracy/top1"]:.1f} %',
            f'{row["explanation/drop"]:.1f} %',
            f'{row["explanation/increase"]:.1f} %',
        )
    console = Console()
    console.width = max(console.width, 100)  # logs, too, show whole columns
    console.print(table)


if __name__ == '__main__':
    run_tool(main)
