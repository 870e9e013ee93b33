"""Trains and tests a config with several seeds; prints mean and standard deviation.

Works with any config and any metric. Each seed has a folder of its own; the metrics of
all, their means and sample standard deviations are written to WORK_DIR/seeds.json.
Started again, it goes on where it was stopped. Arguments that it does not
know are handed to tools/train.py.

Examples:
  python tools/analysis_tools/seeds.py configs/mmseg/ocl/ocl_wwt_voc12.py --gpus 8
      --cfg-options load_from=work_dirs/wwt_small_in1k/epoch_300.pth
  python tools/analysis_tools/seeds.py configs/mmseg/ocl/ocl_slot_attention_scenes.py
      --seeds 0 1 --amp
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

# The reproduction is a project of the clone, and not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reproduction.seeds import run_seeds  # noqa: E402
from wwt_mm.engine.cli import run_tool  # noqa: E402


def main() -> None:
    """Runs all seeds and prints a table."""
    args, train_options = build_parser().parse_known_args()
    work_dir = args.work_dir or Path('work_dirs', f'{Path(args.config).stem}_seeds')
    report = run_seeds(
        args.config, args.seeds, work_dir, train_options, args.cfg_options, args.gpus
    )
    print_table(report)
    print(f'wrote {Path(work_dir, "seeds.json")}')


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument('config', help='config of any of the three libraries')
    parser.add_argument(
        '--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2'
    )
    parser.add_argument(
        '--work-dir', help='folder of all runs (default: work_dirs/CONFIG_NAME_seeds)'
    )
    parser.add_argument(
        '--gpus', type=int, default=1, help='processes of each run (default: 1)'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='change settings of the config, in training and testing',
    )
    return parser


def print_table(report: dict) -> None:
    """Prints a row for each metric."""
    table = Table()
    table.add_column('metric')
    for seed in report['seeds']:
        table.add_column(f'seed {seed}', justify='right')
    table.add_column('mean', justify='right')
    table.add_column('std', justify='right')
    for name, mean in report['mean'].items():
        std = report['std'][name]
        values = [run[name] for run in report['seeds'].values()]
        cells = [*values, mean, *([std] if std is not None else [])]
        table.add_row(name, *(f'{value:.2f}' for value in cells))
    console = Console()
    console.width = max(console.width, 100)  # logs, too, show whole columns
    console.print(table)


if __name__ == '__main__':
    run_tool(main)
