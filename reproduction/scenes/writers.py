"""Write scenes to disk: Pascal VOC layout, and ImageNet-style class folders.

A folder appears under its name only when it is whole: images go to a hidden sibling,
which is renamed at the end. Its ``scenes.json`` names the options it was made with.
"""

import dataclasses
import functools
import multiprocessing
import os
import shutil
import signal
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from wwt_mm.datasets import voc_palette
from wwt_mm.errors import ConfigError, DatasetError, ResultError
from wwt_mm.guards.folder_record import FolderRecord

from ..cores import usable_cores
from .generator import Scene, SceneConfig, render_scene
from .shapes import CLASSES

#: Name of the file that marks a folder as written by this module.
MARKER = 'scenes.json'
#: Counts up whenever the same options give other bytes than before.
VERSION = 1
#: Index of the first scene of each split, so that a split does not depend on the
#: number of images in another one, and no two splits share a scene.
FIRST_INDEX = {
    'train': 0,
    'val': 1_000_000,
    'test': 2_000_000,
    'classification/train': 3_000_000,
    'classification/val': 4_000_000,
}
_MAX_COUNT = 1_000_000
_JPEG_QUALITY = 95
_CHUNK = 16  # scenes handed to a worker at a time


def write_voc(
    out: str | os.PathLike,
    config: SceneConfig | None = None,
    *,
    train: int = 2000,
    val: int = 500,
    test: int = 500,
    void_border: int = 0,
    workers: int | None = None,
    force: bool = False,
) -> bool:
    """Write ``out/VOC2007``: images, boxes, class and object maps, and lists.

    Args:
        out: Folder to write into; made if it is not there.
        config: What scenes look like; default ``SceneConfig()``.
        train: Images in the list 'train'.
        val: Images in the list 'val'; 'trainval' is both.
        test: Images in the list 'test'.
        void_border: Width in pixels of the band, to each side of an object's edge,
            that both maps mark as void (255); 0 for none.
        workers: Processes to use; default one per available core.
        force: Replace scenes made with other options.

    Returns:
        bool: False if the folder was there already, made with the same options.

    Raises:
        ConfigError: If an option is out of range.
        DatasetError: If the folder holds something else.
    """
    config = config or SceneConfig()
    counts = {'train': train, 'val': val, 'test': test}
    _check_counts(counts)
    if not 0 <= void_border <= 100:
        raise ConfigError(f'void_border={void_border} must lie between 0 and 100.')
    recipe = _recipe('voc', config, counts, void_border=void_border)

    def fill(folder: Path) -> None:
        for name in ('Annotations', 'JPEGImages', 'SegmentationClass'):
            (folder / name).mkdir()
        (folder / 'SegmentationObject').mkdir()
        indices = _indices(counts)
        save = functools.partial(_save_voc, folder, config, void_border)
        flat = [index for split in indices.values() for index in split]
        presence = dict(zip(flat, _run(save, flat, workers, 'VOC2007'), strict=True))
        _write_lists(folder, indices, presence)

    return _write_folder(Path(out), 'VOC2007', recipe, fill, force)


def write_classification(
    out: str | os.PathLike,
    config: SceneConfig | None = None,
    *,
    train: int = 10000,
    val: int = 1000,
    workers: int | None = None,
    force: bool = False,
) -> bool:
    """Write ``out/classification/{train,val}/CLASS/*.jpg``: one label per image.

    Args:
        out: Folder to write into; made if it is not there.
        config: What scenes look like, with ``single_class=True``; default one object.
        train: Training images; classes get equally many, up to one.
        val: Validation images.
        workers: Processes to use; default one per available core.
        force: Replace scenes made with other options.

    Returns:
        bool: False if the folder was there already, made with the same options.

    Raises:
        ConfigError: If an option is out of range.
        DatasetError: If the folder holds something else.
    """
    config = config or SceneConfig(max_objects=1, single_class=True)
    if not config.single_class:
        raise ConfigError(
            'single_class=False gives images of several classes: classification '
            'needs SceneConfig(single_class=True, ...).'
        )
    counts = {'classification/train': train, 'classification/val': val}
    _check_counts(counts)
    recipe = _recipe('classification', config, counts)

    def fill(folder: Path) -> None:
        jobs = []
        for split, indices in _indices(counts).items():
            split = split.removeprefix('classification/')
            for name in CLASSES:
                (folder / split / name).mkdir(parents=True)
            jobs += [(split, index) for index in indices]
        save = functools.partial(_save_classification, folder, config)
        for _ in _run(save, jobs, workers, 'classification'):
            pass

    return _write_folder(Path(out), 'classification', recipe, fill, force)


# Whole folders ---------------------------------------------------------------------


def _recipe(layout: str, config: SceneConfig, counts: dict, **options: int) -> dict:
    """Everything that the bytes in a folder depend on."""
    return {
        'generator': 'reproduction.scenes',
        'version': VERSION,
        'layout': layout,
        'scene': dataclasses.asdict(config),
        'images': counts,
        'options': options,
    }


def _write_folder(
    out: Path,
    name: str,
    recipe: dict,
    fill: Callable[[Path], None],
    force: bool,
) -> bool:
    """Let ``fill`` write ``out/name``, unless it is there; see :func:`write_voc`."""
    folder = (out / name).resolve()
    changes = _find_changes(folder, recipe)
    if changes == {} and not force:
        return False
    if changes and not force:
        told = [f'{key}: {old}, now {new}' for key, (old, new) in changes.items()]
        raise DatasetError(
            f'{folder} holds scenes made with other options ({"; ".join(told)}): '
            'choose another folder, or replace them with force (--force).'
        )
    with _new_folder(folder, replace=changes is not None) as temporary:
        fill(temporary)
        FolderRecord(temporary / MARKER, recipe).write()
    return True


def _find_changes(folder: Path, recipe: dict) -> dict | None:
    """How the scenes in a folder differ; None if it is missing or empty."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    with suppress(OSError, ResultError):
        changes = FolderRecord(folder / MARKER, recipe).find_changes()
        if changes is not None and 'generator' not in changes:
            return changes
    raise DatasetError(
        f'{folder} exists and was not written by this generator (no valid {MARKER} in '
        'it), so it is left alone: choose another folder, or move that one away.'
    )


@contextmanager
def _new_folder(folder: Path, replace: bool) -> Iterator[Path]:
    """A hidden sibling that takes the folder's name once the block has succeeded."""
    missing = [p for p in folder.parents if not p.exists()]
    temporary = folder.parent / f'.{folder.name}.part-{os.getpid()}'
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if replace:
            old = folder.parent / f'.{folder.name}.old-{os.getpid()}'
            folder.rename(old)
            temporary.rename(folder)
            shutil.rmtree(old)
        else:
            temporary.rename(folder)
    except BaseException:  # Ctrl-C too must leave nothing behind
        shutil.rmtree(temporary, ignore_errors=True)
        for parent in missing:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        raise


# Images ----------------------------------------------------------------------------


def _check_counts(counts: dict[str, int]) -> None:
    for name, count in counts.items():
        name = name.rpartition('/')[2]
        if isinstance(count, bool) or not isinstance(count, int):
            raise ConfigError(f'{name}={count!r} must be a whole number of images.')
        low = int(name == 'train')
        if not low <= count <= _MAX_COUNT:
            raise ConfigError(
                f'{name}={count} images: must lie between {low} and {_MAX_COUNT}.'
            )


def _indices(counts: dict[str, int]) -> dict[str, range]:
    return {
        split: range(FIRST_INDEX[split], FIRST_INDEX[split] + count)
        for split, count in counts.items()
    }


def _run(save: Callable, jobs: Sequence, workers: int | None, title: str) -> Iterator:
    """Results of ``save`` for all jobs, in their order, with a progress bar."""
    if workers is not None and workers < 1:
        raise ConfigError(f'workers={workers} must be at least 1.')
    available = workers or usable_cores()
    workers = min(available, -(-len(jobs) // _CHUNK))
    bar = functools.partial(
        track, total=len(jobs), description=title, console=Console(stderr=True)
    )
    if workers <= 1:
        yield from bar(map(save, jobs))
        return
    # Forking, where the platform can, spares callers the `if __name__` guard.
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context('fork' if 'fork' in methods else 'spawn')
    with ProcessPoolExecutor(workers, context, _start_worker) as pool:
        # Before the bar, so that its thread does not run yet when processes fork.
        results = pool.map(save, jobs, chunksize=_CHUNK)
        yield from bar(results)


def _start_worker() -> None:
    cv2.setNumThreads(0)  # one process per core already
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers


def _save_classification(
    folder: Path, config: SceneConfig, job: tuple[str, int]
) -> None:
    split, index = job
    scene = render_scene(config, index)
    name = CLASSES[scene.image_label]
    _save_jpeg(folder / split / name / f'{index:07d}.jpg', scene.image)


def _save_voc(
    folder: Path, config: SceneConfig, void_border: int, index: int
) -> list[int]:
    """Write one image with its annotations.

    Returns:
        list[int]: For each class 1 if it is present, 0 if only as 'difficult', else
        -1, as in VOC's lists per class.
    """
    scene = render_scene(config, index)
    name = f'{index:07d}'
    _save_jpeg(folder / 'JPEGImages' / f'{name}.jpg', scene.image)
    (folder / 'Annotations' / f'{name}.xml').write_bytes(_annotation(name, scene))
    void = _void(scene.instances, void_border)
    for kind, labels in (
        ('SegmentationClass', scene.semantic),
        ('SegmentationObject', scene.instances),
    ):
        _save_map(folder / kind / f'{name}.png', np.where(void, np.uint8(255), labels))
    presence = np.full(len(CLASSES), -1)
    np.maximum.at(presence, scene.labels, (~scene.difficult).astype(int))
    return presence.tolist()


def _save_jpeg(path: Path, image: np.ndarray) -> None:
    # Full chroma resolution: small objects keep the colour that tells their class.
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, data = cv2.imencode('.jpg', image[..., ::-1], options)
    path.write_bytes(data)


def _save_map(path: Path, labels: np.ndarray) -> None:
    picture = Image.fromarray(labels)
    picture.putpalette(_PALETTE_BYTES)  # turns grey 'L' into indexed 'P'
    picture.save(path)


def _void(instances: np.ndarray, width: int) -> np.ndarray:
    """(H, W) bool: pixels within ``width`` of a pixel of another instance."""
    if not width:
        return np.zeros(instances.shape, bool)
    kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    return cv2.dilate(instances, kernel) != cv2.erode(instances, kernel)


def _annotation(name: str, scene: Scene) -> bytes:
    """The XML of one image; its boxes count from 1 and include their last pixel."""
    height, width, depth = scene.image.shape
    root = ET.Element('annotation')
    _add(root, folder='VOC2007', filename=f'{name}.jpg')
    _add(ET.SubElement(root, 'source'), database='wwt_mm scenes')
    _add(ET.SubElement(root, 'size'), width=width, height=height, depth=depth)
    _add(root, segmented=1)
    for i, (x1, y1, x2, y2) in enumerate(scene.boxes):
        node = ET.SubElement(root, 'object')
        _add(
            node,
            name=CLASSES[scene.labels[i]],
            pose='Unspecified',
            truncated=int(scene.truncated[i]),
            occluded=int(scene.occluded[i]),
            difficult=int(scene.difficult[i]),
        )
        box = ET.SubElement(node, 'bndbox')
        _add(box, xmin=x1 + 1, ymin=y1 + 1, xmax=x2, ymax=y2)
    ET.indent(root)
    return ET.tostring(root) + b'\n'


def _add(node: ET.Element, **children: object) -> None:
    for tag, text in children.items():
        ET.SubElement(node, tag).text = str(text)


def _write_lists(
    folder: Path, indices: dict[str, range], presence: dict[int, list[int]]
) -> None:
    """Lists of image names: for boxes, also one per class, and for label maps."""
    splits = {split: list(indices[split]) for split in indices}
    splits['trainval'] = splits['train'] + splits['val']
    for task in ('Main', 'Segmentation'):
        lists = folder / 'ImageSets' / task
        lists.mkdir(parents=True)
        for split, members in splits.items():
            _write_lines(lists / f'{split}.txt', (f'{i:07d}' for i in members))
    main = folder / 'ImageSets' / 'Main'
    for label, name in enumerate(CLASSES):
        for split, members in splits.items():
            lines = (f'{i:07d} {presence[i][label]:2d}' for i in members)
            _write_lines(main / f'{name}_{split}.txt', lines)


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    path.write_text(''.join(f'{line}\n' for line in lines))


_PALETTE_BYTES = voc_palette().tobytes()
