"""Writes a trained model as ONNX, and checks it against onnxruntime to 1e-4.

The file takes batches of any size of images of one size: float32 (batch, 3, height,
width), RGB, from 0 to 255, which it normalises itself. It gives

  classifiers  logits (batch, classes); retrievers an embedding (batch, D)
  detectors    boxes (batch, queries, 4): corners x1, y1, x2, y2 in pixels, and
               scores (batch, queries, classes). No suppression: threshold the scores
  segmentors   logits (batch, classes, height, width)
  --backbone   slots, masks and tokens, or features, as the backbone's out_type says

Its meta data name the classes. It appears only when onnxruntime has computed the same
as PyTorch on noise. Needs `pip install "wwt-mm[export]"`.

Examples:
  python tools/deployment/export_onnx.py configs/mmpretrain/wwt_scenes.py FILE.pth
  python tools/deployment/export_onnx.py configs/mmdet/wwt_det_voc07.py FILE.pth
"""

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path

from wwt_mm.deployment.onnx_export import (
    build_exported_model,
    default_shape,
    export_onnx,
)
from wwt_mm.engine import load_config
from wwt_mm.engine.cli import add_cfg_options, positive_int, run_tool


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of any of the three libraries')
    parser.add_argument('checkpoint', type=Path, help='its weights')
    parser.add_argument(
        '--out', type=Path, help='file to write (default: the checkpoint with .onnx)'
    )
    parser.add_argument(
        '--shape',
        nargs=2,
        type=positive_int,
        metavar=('H', 'W'),
        help="image size in pixels (default: the backbone's img_size, or 224 224)",
    )
    parser.add_argument('--backbone', action='store_true', help='leave the heads out')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Exports, and prints the path of the file."""
    args = parse_args()
    out = args.out or args.checkpoint.with_suffix('.onnx')
    # The libraries log to stdout, which belongs to the result.
    with redirect_stdout(sys.stderr):
        cfg = load_config(args.config, args.cfg_options)
        shape = tuple(args.shape or default_shape(cfg))
        model, classes = build_exported_model(cfg, args.checkpoint, args.backbone)
        difference = export_onnx(model, shape, out, classes)
        print(f'onnxruntime and PyTorch differ by {difference:.1e} at most')
    print(out)


if __name__ == '__main__':
    run_tool(main)
