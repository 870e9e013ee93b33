r"""Times models side by side: inference, and training steps with AdamW.

A model is a config of any of the three libraries, or timm:NAME. All are run in
alternating rounds in one process, so what else the machine does hits all alike; ratios
are taken round by round against the last one named (or --reference), and above 1 means
faster. Weights and images are random. Classifiers predict and train as in use; of
other models the forward pass up to the raw output is timed.

Examples:
  python tools/analysis_tools/benchmark.py \
      configs/mmpretrain/wwt_tiny_no_autoencoder_in1k.py timm:deit_tiny_patch16_224
  python tools/analysis_tools/benchmark.py configs/mmpretrain/wwt_tiny_in1k.py \
      timm:deit_tiny_patch16_224 --sizes 224 512 1024 --batch-sizes 8 2 1 --memory \
      --plot curves.png --json curves.json
"""

import argparse
import json
import platform
import sys
from contextlib import redirect_stdout
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress

# The reproduction is a project of the clone, and not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reproduction.benchmark import (  # noqa: E402
    Settings,
    Timing,
    build_subject,
    draw_curves,
    machine_rate,
    peak_memory,
    print_slopes,
    print_tables,
    time_subjects,
    to_json,
)
from reproduction.benchmark.subjects import DTYPES  # noqa: E402
from reproduction.benchmark.timing import MODES  # noqa: E402
from wwt_mm.engine.cli import add_cfg_options, run_tool  # noqa: E402
from wwt_mm.errors import ConfigError  # noqa: E402
from wwt_mm.guards import write_atomically  # noqa: E402


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('models', nargs='+', metavar='MODEL', help='a config, or timm:NAME')
    add('--reference', help='what ratios refer to (default: the last model)')
    add('--sizes', nargs='+', type=int, default=[224], help='of images, in pixels')
    add(
        '--batch-sizes',
        nargs='+',
        type=int,
        default=[8],
        help='one for all sizes, or one for each',
    )
    add('--modes', nargs='+', choices=MODES, default=MODES)
    add('--rounds', type=int, default=11, help='(default: 11)')
    add('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    add('--dtype', choices=DTYPES, default='fp32', help='fp32, or what autocast uses')
    add('--threads', type=int, help='threads of the CPU (default: those of torch)')
    add('--compile', action='store_true', help='put blocks through torch.compile')
    add('--memory', action='store_true', help='measure peak memory, too')
    add('--json', type=Path, metavar='FILE', help='write what was measured')
    add_cfg_options(parser)
    add('--plot', type=Path, metavar='FILE', help='draw time (and memory) by size')
    return parser.parse_args()


def main() -> None:
    """Measures and reports."""
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    reference = args.reference or args.models[-1]
    if reference not in args.models:
        raise ConfigError(f'--reference {reference} is none of the models')
    console = Console()
    all_settings = list(_settings(args))
    rate = machine_rate(all_settings[0])
    console.print(f'{_machine(args)}; {rate / 1e9:.0f} GMAC/s in a matrix product')
    timings = []
    for settings in all_settings:  # large sizes take long: keep what there is
        new = _measure(args, settings)
        print_tables(new, reference, rate, console)
        timings += new
        if args.json:
            result = dict(machine=_machine(args)) | to_json(timings, reference, rate)
            write_atomically(json.dumps(result, indent=1).encode(), args.json)
    print_slopes(timings, console)
    if args.plot:
        draw_curves(timings, args.plot)
        console.print(f'curves: {args.plot}')


def _settings(args: argparse.Namespace):
    batches = args.batch_sizes
    if len(batches) == 1:
        batches = batches * len(args.sizes)
    if len(batches) != len(args.sizes):
        raise ConfigError(
            f'{len(args.sizes)} --sizes and {len(batches)} --batch-sizes: give one '
            'batch size, or one for each size'
        )
    for size, batch in zip(args.sizes, batches):
        yield Settings(
            size,
            batch,
            args.device,
            args.dtype,
            args.compile,
            args.cfg_options or {},
        )


def _measure(args: argparse.Namespace, settings: Settings) -> list[Timing]:
    torch.compiler.reset()  # graphs for other sizes, of which torch allows few
    turns = len(args.models) * len(args.modes) * (args.rounds + 1)
    # The libraries log to stdout, which belongs to the result.
    with Progress(console=Console(stderr=True)) as bar, redirect_stdout(sys.stderr):
        task = bar.add_task(f'timing at {settings.size} pixels', total=turns)
        subjects = [build_subject(name, settings) for name in args.models]
        timings = time_subjects(
            subjects, args.modes, args.rounds, lambda: bar.advance(task)
        )
        del subjects  # the memory of large images, before it is measured
        if args.memory:
            for timing in timings:
                bar.update(task, description=f'memory at {settings.size} pixels')
                timing.memory = peak_memory(timing.name, timing.mode, settings)
        bar.update(task, completed=turns)
    return timings


def _machine(args: argparse.Namespace) -> str:
    device = platform.machine()
    if torch.device(args.device).type == 'cuda':
        device = torch.cuda.get_device_name(args.device)
    return (
        f'torch {torch.__version__}, {device}, {torch.get_num_threads()} threads, '
        f'{args.dtype}'
    )


if __name__ == '__main__':
    run_tool(main)
