"""Files that are written for each image, whole or not at all, and what is there."""

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, ResultError
from ..guards.atomic import write_atomically
from ..guards.folder_record import FolderRecord
from ..guards.json_file import read_json
from ..visualization.slot_pictures import encode_png
from ..visualization.slot_sheet import draw_slot_sheet

PICTURE_SUFFIX = '.slots.png'
TABLE_SUFFIX = '.slots.json'
ARRAYS_SUFFIX = '.slots.npz'
GALLERY = 'gallery.html'
_RECORD = '.slots_model.json'
_BEST = 5  # how many classes of the image are listed


class OutputFolder:
    """Pictures and tables of results, in the folders that the images are in.

    For an image ``a/b.jpg`` of a folder these are ``a/b.jpg.slots.png``,
    ``a/b.jpg.slots.json`` and, on request, ``a/b.jpg.slots.npz``. Each is written
    in one step, the table last, so an image whose table is there is done.

    Args:
        folder: Where to write.
        record: What the results depend on besides the image: the model. A folder
            takes results of one model only.
        arrays: Whether to write slots and masks, too.

    Raises:
        ConfigError: If the folder holds results of another model.
    """

    def __init__(
        self, folder: str | Path, record: dict[str, Any], arrays: bool = False
    ) -> None:
        self.folder = Path(folder)
        self.arrays = arrays
        model = FolderRecord(self.folder / _RECORD, record)
        changes = model.find_changes()
        # Not before there are results: what cannot be read leaves no trace.
        self._unwritten = model if changes is None else None
        if changes:
            raise ConfigError(
                f'{folder} holds results with another {", ".join(changes)}: choose '
                'another folder, or remove this one'
            )

    def is_done(self, name: str, image: Any) -> bool:
        """Whether everything has been written for this very image."""
        suffixes = [TABLE_SUFFIX, *([ARRAYS_SUFFIX] if self.arrays else [])]
        if not all(self._path(name, suffix).is_file() for suffix in suffixes):
            return False
        try:
            table = read_json(self._path(name, TABLE_SUFFIX), dict)
        except ResultError:  # a damaged one is written again
            return False
        return isinstance(image, Path) and table.get('source') == _source(image)

    def write(self, name: str, result: Any) -> None:
        """Write the files of the ``SlotResult`` of an image of that name."""
        sheet = draw_slot_sheet(result, result.class_names)
        self._write(encode_png(sheet), name, PICTURE_SUFFIX)
        if self.arrays:
            self._write(_pack(result), name, ARRAYS_SUFFIX)
        table = dict(image=name, source=_source(result.path), **tabulate(result))
        self._write(json.dumps(table, indent=1).encode(), name, TABLE_SUFFIX)

    def _write(self, content: bytes, name: str, suffix: str) -> None:
        if self._unwritten:
            self._unwritten.write()
            self._unwritten = None
        # Thousands of files that can be made again need not wait for the disk.
        write_atomically(content, self._path(name, suffix), flush=False)

    def _path(self, name: str, suffix: str) -> Path:
        return self.folder / (name + suffix)


def name_images(images: Sequence[Any]) -> list[str]:
    """Names images by their path below the folder they share; arrays by number."""
    folders = {path.parent for path in images if isinstance(path, Path)}
    base = os.path.commonpath([folder.absolute() for folder in folders] or ['.'])
    return [
        Path(os.path.relpath(image.absolute(), base)).as_posix()
        if isinstance(image, Path)
        else f'array_{index:06}'
        for index, image in enumerate(images)
    ]


def tabulate(result: Any) -> dict[str, Any]:
    """Puts what was found into lists and numbers, for JSON.

    Returns:
        dict[str, Any]: ``size`` (width and height), ``classes``, the best first,
        ``slots`` with the share of the image in which each has the highest mask and
        its class, and ``regions`` with the slot they come from and their box x1, y1,
        x2, y2 in pixels.
    """
    height, width = result.image.shape[:2]
    table: dict[str, Any] = dict(size=[width, height])
    if result.classes:
        table['classes'] = [_named(*pair) for pair in result.classes[:_BEST]]
    shares = result.shares().tolist()
    table['slots'] = [dict(slot=i, share=round(x, 6)) for i, x in enumerate(shares)]
    for row, pair in zip(table['slots'], result.slot_classes, strict=False):
        row.update(_named(*pair))
    if result.regions is not None:
        regions = result.regions
        table['regions'] = [
            dict(slot=slot, score=round(score, 6), box=[round(x, 2) for x in box])
            for slot, score, box in zip(
                regions.slots.tolist(),
                regions.scores.tolist(),
                regions.boxes.tolist(),
                strict=True,
            )
        ]
    return table


def _source(path: Path | None) -> str | None:
    return path and f'{path.resolve()}, {path.stat().st_mtime}'


def _named(name: str, probability: float) -> dict[str, Any]:
    return {'class': name, 'probability': round(probability, 6)}


def _pack(result: Any) -> bytes:
    arrays = dict(slots=result.slots, masks=result.masks)
    for name in ('probabilities', 'slot_probabilities'):
        if getattr(result, name) is not None:
            arrays[name] = getattr(result, name)
    file = io.BytesIO()
    np.savez_compressed(file, **{k: v.numpy() for k, v in arrays.items()})
    return file.getvalue()
