"""Pictures, tables and a gallery of many images: the inside of tools/slots.py."""

import argparse
from collections.abc import Iterable
from itertools import compress
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from ..engine.cli import add_model_options, positive_int
from ..guards.atomic import write_atomically
from ..guards.weights import CONFIG_NAME
from ..visualization.slot_gallery import GalleryImage, render_gallery
from .images import ImageInput, collect_images
from .outputs import GALLERY, OutputFolder, name_images
from .slot_inferencer import ON_BAD_IMAGE, SlotInferencer

_GALLERY_IMAGES = 24
_EXAMPLE = """what is written for an image a/b.jpg:
  OUT/a/b.jpg.slots.png    its slots, the evidence for its class, each slot's mask
  OUT/a/b.jpg.slots.json   classes, slots with class and share, regions with boxes
  OUT/a/b.jpg.slots.npz    slots and masks as arrays (--arrays)
  OUT/gallery.html         one page to hover over slots in (--html)

examples:
  python tools/slots.py photo.jpg --html
  python tools/slots.py photo.jpg --config configs/mmpretrain/wwt_scenes.py \\
      --checkpoint work_dirs/wwt_scenes/epoch_8.pth --out seen_scenes --html
  python tools/slots.py data/scenes/VOC2007/JPEGImages --config CONFIG \\
      --checkpoint CHECKPOINT --out seen_folder --batch-size 32 --on-bad-image skip

Stopped and started again it goes on with the images that are missing."""


class RunSummary(NamedTuple):
    """How many images were written now, were there before, and could not be read."""

    written: int
    there: int
    bad: int


def main(argv: list[str] | None = None) -> RunSummary:
    """Looks at the images that the command line names.

    Args:
        argv: Command-line arguments; those of the process by default.
    """
    parser = _build_parser()
    args = parser.parse_args(argv)
    if args.checkpoint and not args.config:
        parser.error('--checkpoint needs the --config that it was trained with')
    if args.config and not args.checkpoint and not Path(args.config).is_dir():
        parser.error('--config needs --checkpoint, unless it is a folder with both')
    images = collect_images(args.images[0] if len(args.images) == 1 else args.images)
    infer = SlotInferencer(
        args.config,
        args.checkpoint,
        device=args.device,
        batch_size=args.batch_size,
        on_bad_image=args.on_bad_image,
        cfg_options=args.cfg_options,
        trust_checkpoint=args.trust_checkpoint,
    )
    summary = write_slots(infer, images, args.out, args.arrays, args.html or 0)
    bad = f', {summary.bad} could not be read' if summary.bad else ''
    there = f', {summary.there} were there' if summary.there else ''
    Console().print(
        f'{summary.written} images written{there}{bad}. Look at {args.out}'
        + ('/gallery.html' if args.html else ''),
        highlight=False,
        soft_wrap=True,
    )
    return summary


def write_slots(
    infer: SlotInferencer,
    inputs: ImageInput | Iterable[ImageInput],
    out_dir: str | Path,
    arrays: bool = False,
    gallery: int = 0,
) -> RunSummary:
    """Writes pictures and tables of images, under a progress bar.

    Images that have theirs are left out, so what was stopped goes on; but for those of
    the gallery.

    Args:
        infer: The model.
        inputs: A file, an array, a folder, or several files and arrays.
        out_dir: Folder to write to.
        arrays: Whether to write slots and masks as ``.npz``, too.
        gallery: How many images, the first ones, to show in ``gallery.html``.

    Raises:
        ConfigError: If the folder holds results of another model.
        DatasetError: If an image, unless it is to be skipped, cannot be read.
    """
    images = collect_images(inputs)
    names = name_images(images)
    folder = OutputFolder(out_dir, infer.record, arrays)
    missing = [not folder.is_done(*pair) for pair in zip(names, images, strict=True)]
    # The page is written as a whole, and masks are not read back from pictures.
    missing[:gallery] = [True] * len(missing[:gallery])
    shown = set(names[:gallery])
    pages: list[GalleryImage] = []
    written, there = 0, len(images) - sum(missing)
    todo = [*compress(images, missing)], [*compress(names, missing)]
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn()) as progress:
        task = progress.add_task('images', total=len(images), completed=there)
        for name, result in infer.stream(*todo, folder):
            written += 1
            if name in shown:
                pages.append(GalleryImage.of(name, result, result.class_names))
            done = there + written + infer.num_bad
            progress.update(task, completed=done)
        progress.update(task, completed=len(images))
    if pages:
        config = Path(infer.record['config'])
        title = config.parent.name if config.name == CONFIG_NAME else config.stem
        html = render_gallery(pages, title)
        write_atomically(html.encode(), folder.folder / GALLERY)
    return RunSummary(written, there, infer.num_bad)


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description='Show what a What-Where Transformer sees in images: slots, masks, '
        'classes and regions.',
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('images', nargs='+', help='image or folder, or several images')
    parser.add_argument(
        '--config',
        help='config of a classifier, detector, segmentor or discoverer, or the folder '
        'of a published model (default: the small model of photographs that ships)',
    )
    parser.add_argument('--checkpoint', help='its weights')
    parser.add_argument(
        '--out', default='seen', help='folder to write to (default: seen)'
    )
    parser.add_argument(
        '--html',
        nargs='?',
        type=positive_int,
        const=_GALLERY_IMAGES,
        metavar='N',
        help=f'also write gallery.html, with the first N images ({_GALLERY_IMAGES})',
    )
    parser.add_argument(
        '--arrays', action='store_true', help='also write slots and masks as .npz'
    )
    parser.add_argument(
        '--device', help='such as cpu or cuda:1 (default: a GPU, if any)'
    )
    parser.add_argument(
        '--batch-size', type=positive_int, default=8, help='(default: 8)'
    )
    parser.add_argument(
        '--on-bad-image',
        choices=ON_BAD_IMAGE,
        default='stop',
        help='what to do when an image cannot be read (default: stop)',
    )
    add_model_options(parser)
    return parser
