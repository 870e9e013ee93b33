"""Moves patterns over a background and compares their slots and tokens (Fig. 7).

Writes a curve, OUT.json, and its picture, OUT.png: the cosine similarity of a pattern's
slot and of its tokens to those at the first place. A flat curve is invariant. Dotted
lines show what slots and tokens of something else reach.

example, with its ten built-in shapes:
  python tools/analysis_tools/translation_invariance.py
      configs/mmpretrain/wwt_tiny_in1k.py epoch_300.pth --out fig7

and with objects of VOC, cut out of its photographs and moved over others:
  python tools/analysis_tools/translation_invariance.py CONFIG CHECKPOINT
      --cutouts data/VOCdevkit/VOC2012 --background data/VOCdevkit/VOC2012/JPEGImages
"""

import argparse
import json
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
import torch
from mmengine.config import Config
from mmpretrain.models.classifiers import ImageClassifier
from PIL import Image
from rich.progress import track
from torch import Tensor

from wwt_mm.backbone import WhatWhereTransformer
from wwt_mm.deployment.onnx_export import default_shape
from wwt_mm.engine import load_config
from wwt_mm.engine.cli import (
    add_common_arguments,
    build_runner,
    parse_arguments,
    run_tool,
    set_work_dir,
)
from wwt_mm.errors import CheckpointError, ConfigError, DatasetError
from wwt_mm.guards import write_atomically
from wwt_mm.guards.weights import (
    check_fit,
    load_checkpoint_file,
    load_weights_only,
)

# Shapes are those of the scenes, which belong to the clone and are not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from reproduction.scenes import SCENE_CLASSES  # noqa: E402
from reproduction.scenes.shapes import CLASS_HUES, outline, rasterise  # noqa: E402
from reproduction.translation_invariance import (  # noqa: E402
    Invariance,
    measure_invariance,
    place_pattern,
    straight_corners,
)

matplotlib.use('Agg')
from matplotlib import pyplot as plt  # noqa: E402


def main() -> None:
    """Measures, and writes the curve and its picture."""
    args = parse_arguments(build_parser(), None)
    cfg = load_config(args.config, args.cfg_options)
    set_work_dir(cfg, args)
    model = load_model(cfg, args.checkpoint, args.trust_checkpoint)
    shape, patch_size = default_shape(cfg), model.backbone.patch_size
    side = max(round(args.size * min(shape) / patch_size), 1) * patch_size
    corners = straight_corners(shape, side, patch_size, args.places)
    if args.cutouts:
        patterns = list(cut_out_objects(Path(args.cutouts), side, args.objects))
    else:
        patterns = list(make_patterns(args.pattern, side))
    backgrounds = list_backgrounds(args.background)

    curves = {}
    for number, (name, pattern) in enumerate(track(patterns, 'patterns')):
        file = backgrounds[number % len(backgrounds)]
        images = place_pattern(pattern, read_background(file, shape, model), corners)
        curves[name] = measure(model, images, corners, side)
    report = summarise(curves, corners)
    report.update(config=args.config, checkpoint=args.checkpoint, pattern_pixels=side)
    write_atomically(json.dumps(report, indent=2).encode(), f'{args.out}.json')
    write_atomically(draw(report), f'{args.out}.png')
    print(f'wrote {args.out}.json and {args.out}.png')


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a WWT classifier')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out',
        default='translation_invariance',
        help='what the two files are called, without .json and .png (%(default)s)',
    )
    parser.add_argument(
        '--pattern',
        nargs='+',
        metavar='FILE',
        help='pictures to move, with or without transparency (default: ten shapes)',
    )
    parser.add_argument(
        '--cutouts',
        metavar='FOLDER',
        help='move objects of VOC instead, cut out by the instance maps of FOLDER, '
        'such as data/VOCdevkit/VOC2012',
    )
    parser.add_argument(
        '--objects', type=int, default=100, help='at most so many (%(default)s)'
    )
    parser.add_argument(
        '--background',
        metavar='FILE',
        help='picture to move them over, or a folder of pictures, one for each '
        '(default: grey)',
    )
    parser.add_argument(
        '--size',
        type=float,
        default=0.3,
        metavar='SHARE',
        help="its side as a share of the image's, rounded to patches (%(default)s)",
    )
    parser.add_argument(
        '--places',
        type=int,
        default=4,
        help='how many, from left to right (%(default)s)',
    )
    add_common_arguments(parser)
    return parser


def load_model(cfg: Config, checkpoint: str, trust: bool = False) -> ImageClassifier:
    """Builds the classifier of a config and loads its weights.

    Raises:
        CheckpointError: If there is no such file or it is of another model.
        ConfigError: If the model is no WWT.
    """
    if not Path(checkpoint).is_file():
        raise CheckpointError(f'no checkpoint file at {checkpoint}')
    cfg.load_from, cfg.resume = checkpoint, False
    runner = build_runner(cfg)
    backbone = getattr(runner.model, 'backbone', None)
    is_classifier = isinstance(runner.model, ImageClassifier)
    if not isinstance(backbone, WhatWhereTransformer) or not is_classifier:
        raise ConfigError(
            f'{cfg.filename} is a {type(runner.model).__name__} with a '
            f'{type(backbone).__name__}: slots and their tokens are those of a '
            'classifier with a WhatWhereTransformer'
        )
    option = '--trust-checkpoint'
    weights = load_checkpoint_file(checkpoint, trust, option)['state_dict']
    check_fit(runner.model, weights, checkpoint, cfg.filename)  # data are not needed
    load_weights_only(trust, option)
    runner.load_or_resume()
    runner.model.eval()
    return runner.model


def make_patterns(files: list[str] | None, side: int) -> Iterator[tuple[str, Tensor]]:
    """Yields names and pictures ``(4, side, side)``: RGB 0 to 255, coverage 0 to 1."""
    if files:
        for file in files:
            picture = np.asarray(open_image(file, 'RGBA').resize((side, side)))
            yield Path(file).stem, _to_tensor(picture, alpha=True)
        return
    for label, name in enumerate(SCENE_CLASSES):
        centre, radius = side / 2, side / 2 - 1.5
        coverage, (left, top) = rasterise(
            [points * radius + centre for points in outline(label)]
        )
        picture = np.zeros((side, side, 4), np.uint8)
        colour = matplotlib.colors.hsv_to_rgb((CLASS_HUES[label], 0.8, 0.9))
        picture[..., :3] = colour * 255
        height, width = coverage.shape
        picture[top : top + height, left : left + width, 3] = coverage
        yield name, _to_tensor(picture, alpha=True)


def cut_out_objects(root: Path, side: int, most: int) -> Iterator[tuple[str, Tensor]]:
    """Yields the largest object of each instance map of VOC, as patterns.

    Objects that cover less than a square of ``side`` pixels are passed over, since they
    would be enlarged.

    Raises:
        DatasetError: If there are no such objects.
    """
    found = 0
    for file in sorted((root / 'SegmentationObject').glob('*.png')):
        instances = np.asarray(Image.open(file))
        areas = np.bincount(instances.ravel(), minlength=256)
        areas[[0, 255]] = 0  # background and borders
        own = instances == areas.argmax()
        if areas.max() < side**2 or found == most:
            continue
        rows, columns = (np.flatnonzero(own.any(axis)) for axis in (1, 0))
        photograph = open_image(root / 'JPEGImages' / f'{file.stem}.jpg', 'RGB')
        photograph.putalpha(Image.fromarray(own.astype(np.uint8) * 255))
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        picture = photograph.crop(box).resize((side, side))
        yield file.stem, _to_tensor(np.asarray(picture), alpha=True)
        found += 1
    if not found:
        raise DatasetError(
            f'no instance map in {root / "SegmentationObject"} has an object of '
            f'{side} x {side} pixels: --cutouts takes a folder such as VOC2012'
        )


def list_backgrounds(file: str | None) -> list[str | None]:
    """The picture, those of a folder from the last to the first, or none."""
    if file is None or not Path(file).is_dir():
        return [file]
    pictures = sorted(map(str, Path(file).glob('*.jpg')), reverse=True)
    if not pictures:
        raise DatasetError(f'no .jpg in {file}')
    return pictures


def read_background(
    file: str | None, shape: tuple[int, int], model: ImageClassifier
) -> Tensor:
    """A picture ``(3, H, W)``, RGB 0 to 255: of a file, or the data's mean colour."""
    if file is None:
        grey = getattr(model.data_preprocessor, 'mean', torch.full((3, 1, 1), 127.5))
        return grey.cpu().expand(3, *shape)
    return _to_tensor(np.asarray(open_image(file, 'RGB').resize(shape[::-1])))


def open_image(file: str | Path, mode: str) -> Image.Image:
    """Reads an image file.

    Raises:
        DatasetError: If it cannot be read as an image.
    """
    try:
        return Image.open(file).convert(mode)
    except OSError as error:
        raise DatasetError(f'{file} cannot be read as an image: {error}') from error


def _to_tensor(picture: np.ndarray, alpha: bool = False) -> Tensor:
    tensor = torch.from_numpy(picture.copy()).permute(2, 0, 1).float()
    if alpha:
        tensor[3] /= 255
    return tensor


@torch.no_grad()
def measure(
    model: ImageClassifier, images: Tensor, corners: list[tuple[int, int]], side: int
) -> Invariance:
    """Normalises RGB images as the model does, and compares slots and tokens."""
    preprocessor = model.data_preprocessor
    ordered = images.flip(1) if preprocessor.to_rgb else images  # as loaded: BGR
    inputs = preprocessor(dict(inputs=ordered), training=False)['inputs']
    return measure_invariance(model.backbone, inputs, corners, side)


def summarise(curves: dict[str, Invariance], corners: list[tuple[int, int]]) -> dict:
    """Means and standard deviations over patterns, and the curve of each."""
    report = dict(columns=[left for _, left in corners])
    for field in Invariance._fields:
        values = torch.stack([getattr(curve, field) for curve in curves.values()])
        report[field] = dict(
            mean=values.mean(0).tolist(),
            std=values.std(0, correction=0).tolist(),
            patterns=dict(zip(curves, values.tolist(), strict=True)),
        )
    return report


def draw(report: dict) -> bytes:
    """The picture of the curve, as PNG."""
    figure, axes = plt.subplots(figsize=(4.5, 3.2), layout='constrained')
    places = range(len(report['columns']))
    for field, colour in (('slots', 'tab:orange'), ('tokens', 'tab:blue')):
        mean, std = (np.array(report[field][key]) for key in ('mean', 'std'))
        axes.plot(places, mean, marker='o', color=colour, label=field)
        high = np.minimum(mean + std, 1)
        axes.fill_between(places, mean - std, high, color=colour, alpha=0.2)
        other = report[f'other_{field}']['mean']
        axes.axhline(other, color=colour, linestyle=':', label=f'other {field}')
    axes.set_xticks(places, [f'Pos{place}' for place in places])
    axes.set_ylabel('cosine similarity to Pos0')
    axes.legend(fontsize='small')
    buffer = BytesIO()
    figure.savefig(buffer, format='png', dpi=150)
    plt.close(figure)
    return buffer.getvalue()


if __name__ == '__main__':
    run_tool(main)
