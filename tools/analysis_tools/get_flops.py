"""Counts parameters and multiply-accumulates (MACs) of a config's model.

They are those of inference on one image: backbone, neck and head up to its raw output.
Matrix products, convolutions and attention count; norms, activations and sums do not.
One MAC is two floating-point operations. What papers, ours among them, call FLOPs
are MACs.

Example:
  python tools/analysis_tools/get_flops.py configs/mmpretrain/wwt_tiny_in1k.py
"""

import argparse
import dataclasses
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from rich.console import Console
from rich.table import Table

from wwt_mm.engine import load_config
from wwt_mm.engine.cli import add_cfg_options, positive_int, run_tool

# The reproduction is a project of the clone, and not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from reproduction.benchmark.complexity import (  # noqa: E402
    Complexity,
    Cost,
    measure_complexity,
)


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of any of the three libraries')
    parser.add_argument(
        '--shape',
        nargs=2,
        type=positive_int,
        metavar=('H', 'W'),
        help="image size in pixels (default: the backbone's img_size, or 224 224)",
    )
    parser.add_argument('--json', action='store_true', help='print one JSON object')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Counts and prints."""
    args = parse_args()
    # The libraries log to stdout, which belongs to the result.
    with redirect_stdout(sys.stderr):
        cfg = load_config(args.config, args.cfg_options)
        complexity = measure_complexity(cfg, args.shape and tuple(args.shape))
    if args.json:
        print(json.dumps(dataclasses.asdict(complexity)))
    else:
        print_table(args.config, complexity)


def print_table(config: str, complexity: Complexity) -> None:
    """Prints the counts for a person, in millions and billions."""
    height, width = complexity.shape
    table = Table()
    table.add_column('inference')
    table.add_column('parameters', justify='right')
    table.add_column('MACs', justify='right')
    for name, part in complexity.parts.items():
        table.add_row(name, *_format(part))
    table.add_section()
    table.add_row('total', *_format(complexity.total))

    console = Console()
    console.print(f'{config}, one image of {height} x {width} pixels', soft_wrap=True)
    console.print(table)
    if complexity.training_params:
        millions = complexity.training_params / 1e6
        console.print(f'{millions:.2f} M more parameters are used in training only')


def _format(cost: Cost) -> tuple[str, str]:
    return f'{cost.params / 1e6:.2f} M', f'{cost.macs / 1e9:.3f} G'


if __name__ == '__main__':
    run_tool(main)
