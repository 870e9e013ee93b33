r"""Times the training pipeline of a classification config on one core.

Images are read, decoded and augmented one after the other, as one worker of a data
loader does it; nothing is trained. The last line says how many such workers keep a
training busy that takes --images-per-second (see benchmark.py).

Examples:
  python tools/analysis_tools/benchmark_loading.py configs/mmpretrain/wwt_tiny_in1k.py \
      data/imagenet/val
  python tools/analysis_tools/benchmark_loading.py configs/mmpretrain/wwt_tiny_in1k.py \
      data/imagenet/val --backends cv2 turbojpeg --images-per-second 2500
"""

import argparse
import math
import sys
from contextlib import redirect_stdout
from pathlib import Path

import cv2
import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

# The reproduction is a project of the clone, and not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reproduction.benchmark.loading import BACKENDS, time_pipeline  # noqa: E402
from wwt_mm.engine import load_config  # noqa: E402
from wwt_mm.engine.cli import add_cfg_options, positive_int, run_tool  # noqa: E402
from wwt_mm.inference.images import list_images  # noqa: E402


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('config', help='a config with a training pipeline for classification')
    add('folder', help='images, searched through below it')
    add('--backends', nargs='+', choices=BACKENDS, default=['cv2', 'pillow'])
    add('--images', type=positive_int, default=300, help='to read (default: 300)')
    add('--images-per-second', type=float, help='what the training takes')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Measures and prints."""
    args = parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    images = list_images(args.folder)[: args.images]
    results = {}
    # The libraries log to stdout, which belongs to the result.
    with Progress(console=Console(stderr=True)) as bar, redirect_stdout(sys.stderr):
        cfg = load_config(args.config, args.cfg_options)
        for backend in args.backends:
            task = bar.add_task(f'decoding with {backend}', total=len(images))
            results[backend] = time_pipeline(
                cfg, images, backend, lambda task=task: bar.advance(task)
            )
    console = Console()
    table = Table(title=f'milliseconds an image on one core, {len(images)} images')
    table.add_column('transform')
    for backend in results:
        table.add_column(backend, justify='right')
    for name in next(iter(results.values())):
        table.add_row(name, *(f'{result[name]:.2f}' for result in results.values()))
    table.add_section()
    totals = {backend: sum(result.values()) for backend, result in results.items()}
    table.add_row('total', *(f'{total:.2f}' for total in totals.values()))
    rates = {backend: 1000 / total for backend, total in totals.items()}
    table.add_row('images/s', *(f'{rate:.0f}' for rate in rates.values()))
    console.print(table)
    if args.images_per_second:
        best = max(rates, key=rates.get)
        cores = math.ceil(args.images_per_second / rates[best])
        console.print(f'{cores} cores keep up with the training, decoding with {best}')


if __name__ == '__main__':
    run_tool(main)
