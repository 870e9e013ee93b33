r"""Makes a checkpoint fit to be handed on: smaller, and named by its content.

Keeps the weights and the meta data (config, classes, epoch), drops what only serves to
resume (optimizer, schedules, logs), and adds the first 8 digits of the file's SHA-256
to its name. If the run averaged its weights (EMAHook), the averages are what is kept.
The meta data hold the whole config: look for paths that you would not make public.

Examples:
  python tools/model_converters/publish_model.py work_dirs/wwt_scenes/epoch_8.pth
  python tools/model_converters/publish_model.py epoch_300.pth --out wwt_small_in1k.pth

With --config it writes a folder instead, in the layout of the Hugging Face hub
(config.json, model.safetensors in half precision), which SlotInferencer and
tools/slots.py --config take as it is:
  python tools/model_converters/publish_model.py epoch_8.pth \
      --config configs/mmpretrain/wwt_scenes.py --out wwt_scenes
"""

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path

from wwt_mm.deployment.model_folder import write_model_folder
from wwt_mm.deployment.publish import publish_checkpoint
from wwt_mm.engine import load_config
from wwt_mm.engine.cli import add_cfg_options, run_tool


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkpoint', type=Path, help='checkpoint of a training run')
    parser.add_argument(
        '--out',
        type=Path,
        help='file to write, before the hash is added (default: beside the checkpoint, '
        'under its name)',
    )
    parser.add_argument('--config', help='write a folder, with this config')
    parser.add_argument(
        '--dtype', help='of a folder: float16 (default), bfloat16 or float32'
    )
    add_cfg_options(parser)
    args = parser.parse_args()
    if not args.config and (args.dtype or args.cfg_options):
        parser.error('--dtype and --cfg-options are for a folder: give --config')
    if args.config and not args.out:
        parser.error('--config needs --out, the folder to write')
    return args


def main() -> None:
    """Publishes, and prints the path of the file."""
    args = parse_args()
    # The libraries log to stdout, which belongs to the result.
    with redirect_stdout(sys.stderr):
        if args.config:
            config = load_config(args.config, args.cfg_options)
            dtype = args.dtype or 'float16'
            target = write_model_folder(config, args.checkpoint, args.out, dtype)
        else:
            target = publish_checkpoint(args.checkpoint, args.out)
    print(target)


if __name__ == '__main__':
    run_tool(main)
