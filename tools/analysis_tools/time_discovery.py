#!/usr/bin/env python
"""Time a discovery method against the forward pass of its backbone."""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from mmengine.registry import init_default_scope

from wwt_mm.engine import load_config
from wwt_mm.engine.cli import add_cfg_options, run_tool

EXAMPLE = """\
example:
  OMP_NUM_THREADS=1 python tools/analysis_tools/time_discovery.py \\
      configs/mmdet/discovery/discovery_vit_voc12.py --size 375 500 \\
      --cfg-options model.method.type=MOST

prints milliseconds of processor time per image, without and with the method. Weights
are random.
"""


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='a config of configs/mmdet/discovery/')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=(224, 224),
        metavar=('HEIGHT', 'WIDTH'),
        help='of the image, in pixels (default: 224 224)',
    )
    parser.add_argument('--repeat', type=int, default=9, help='default: 9')
    add_cfg_options(parser)
    return parser.parse_args()


@torch.no_grad()
def time_discovery(args: argparse.Namespace) -> None:
    """Print the median times of both."""
    cfg = load_config(args.config, args.cfg_options)
    init_default_scope('mmdet')
    from mmdet.registry import MODELS

    model = MODELS.build(cfg.model)
    model.eval()
    image = torch.randn(1, 3, *args.size)
    forward = measure(lambda: model.backbone(image), args.repeat)
    both = measure(lambda: model.method(model.backbone, image), args.repeat)
    name = type(model.method).__name__
    print(
        f'{type(model.backbone).__name__} at {args.size[0]} x {args.size[1]}: '
        f'{forward:.1f} ms; with {name}: {both:.1f} ms ({both / forward:.2f} times)'
    )


def measure(function: Callable[[], object], repeat: int) -> float:
    """Median processor time in milliseconds, after one call to warm up."""
    function()
    times = []
    for _ in range(repeat):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1000 * median(times)


if __name__ == '__main__':
    run_tool(lambda: time_discovery(parse_args()))
