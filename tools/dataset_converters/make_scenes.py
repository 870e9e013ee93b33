#!/usr/bin/env python
"""Generate the scenes, the project's embedded default dataset."""

import argparse
import dataclasses
import sys
import time
from pathlib import Path

# The scenes belong to the clone, and are not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reproduction.scenes import (  # noqa: E402
    SceneConfig,
    write_classification,
    write_voc,
)
from wwt_mm.errors import ConfigError, WWTError  # noqa: E402

EXAMPLE = """\
example:
  python tools/dataset_converters/make_scenes.py data/scenes --seed 1

writes data/scenes/VOC2007 (boxes and label maps in the Pascal VOC layout, for mmdet
and mmseg) and data/scenes/classification (train/CLASS/*.jpg and val/CLASS/*.jpg, for
mmpretrain). Running it again with the same options does nothing. See docs/datasets.md.
"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('out', type=Path, help='folder to write into')
    parser.add_argument(
        '--force',
        action='store_true',
        help='replace scenes made with other options (never anything else)',
    )
    parser.add_argument('--workers', type=int, help='processes (default: all cores)')

    look = parser.add_argument_group('what scenes look like')
    default = SceneConfig()
    for name, text in (
        ('height', 'image height in pixels'),
        ('width', 'image width in pixels'),
        ('min_objects', 'fewest objects per image of VOC2007'),
        ('max_objects', 'most objects per image of VOC2007'),
        ('min_size', "smallest object, as a share of the image's shorter side"),
        ('max_size', "largest object, as a share of the image's shorter side"),
        ('max_occlusion', 'largest share of an object that others may hide'),
        ('max_truncation', 'largest share of an object beyond the image border'),
        (
            'hue_jitter',
            'spread in degrees of the colours of a class; they overlap above 18',
        ),
        ('seed', 'another seed gives another dataset'),
    ):
        value = getattr(default, name)
        _add_option(look, name, value, text)

    voc = parser.add_argument_group('VOC2007')
    _add_option(voc, 'train', 2000, "images in the list 'train'; 0 for no VOC2007")
    _add_option(voc, 'val', 500, "images in the list 'val'")
    _add_option(voc, 'test', 500, "images in the list 'test'")
    _add_option(voc, 'void_border', 0, 'pixels marked 255 to each side of an edge')

    label = parser.add_argument_group('classification (one labelled class per image)')
    _add_option(label, 'cls_train', 10000, 'training images; 0 for no classification')
    _add_option(label, 'cls_val', 1000, 'validation images')
    _add_option(label, 'cls_max_objects', 1, 'most objects of the labelled class')
    _add_option(label, 'distractors', 0, 'most smaller objects of other classes')
    return parser.parse_args()


def _add_option(group: object, name: str, default: float, text: str) -> None:
    group.add_argument(
        f'--{name.replace("_", "-")}',
        type=type(default),
        default=default,
        metavar='N' if isinstance(default, int) else 'X',
        help=f'{text} (default: {default})',
    )


def make_scenes(args: argparse.Namespace) -> None:
    """Write both layouts, or say that they are there.

    Raises:
        WWTError: If an option is out of range, or a folder holds something else.
    """
    names = {field.name for field in dataclasses.fields(SceneConfig)}
    look = {key: value for key, value in vars(args).items() if key in names}
    distractors = look.pop('distractors')
    scenes = SceneConfig(**look)
    if args.cls_max_objects < 1:
        raise ConfigError(f'cls_max_objects={args.cls_max_objects} must be at least 1.')
    labelled = dataclasses.replace(
        scenes,
        min_objects=1,
        max_objects=args.cls_max_objects,
        single_class=True,
        distractors=distractors,
    )
    start = time.monotonic()
    common = {'workers': args.workers, 'force': args.force}
    if args.train:
        written = write_voc(
            args.out,
            scenes,
            train=args.train,
            val=args.val,
            test=args.test,
            void_border=args.void_border,
            **common,
        )
        _report(args.out / 'VOC2007', written, start)
        start = time.monotonic()
    if args.cls_train:
        written = write_classification(
            args.out, labelled, train=args.cls_train, val=args.cls_val, **common
        )
        _report(args.out / 'classification', written, start)


def _report(folder: Path, written: bool, start: float) -> None:
    seconds = time.monotonic() - start
    state = f'written in {seconds:.1f} s' if written else 'already there, same options'
    print(f'{folder}: {state}')


def main() -> None:
    """Run the tool; errors a user can act on become one line, and status 2."""
    args = parse_args()
    try:  # as run_tool() does, which takes seconds to import
        make_scenes(args)
    except (WWTError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit('make_scenes.py: interrupted; no unfinished folder is left behind')


if __name__ == '__main__':
    main()
