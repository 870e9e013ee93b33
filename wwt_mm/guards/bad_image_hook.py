"""Goes on without training images that cannot be read, up to a limit."""

import hashlib
import logging
import multiprocessing
from pathlib import Path
from typing import Any

import cv2
from mmengine.dataset import Compose
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..errors import DatasetError, WWTError, one_of
from .class_names import iterate_leaves

# How files end that are whole; some OpenCV versions fill up with grey what is missing.
# Files may have more behind their end, and are decoded once more if they have.
_JPEG_START, _JPEG_END = b'\xff\xd8', b'\xff\xd9'
_PNG_START, _PNG_END = b'\x89PNG', b'IEND\xaeB`\x82'
_LONGEST_END = 64


@HOOKS.register_module()
class BadImageHook(Hook):
    """Reports bad training images and trains on others instead.

    Bad is what cannot be decoded, is cut off, or has no pixel left after resizing (1 x
    8000). The dataset draws another image at random for it, as datasets of mmengine do
    when a pipeline returns ``None``. Each bad file is reported once, and their number
    at the end. In validation and testing a bad image is an error always: results would
    be of other images than they claim.

    Whichever class loads images, the hook watches it; configs stay as they are.

    Args:
        action: What to do with a bad training image: ``'skip'`` or ``'stop'``.
        limit: Training stops at more bad files than that, for each process that
            trains, or if more than half of the images are bad: then it is not single
            files that are broken.

    Attributes:
        record: Which images were replaced; ``None`` with ``'stop'``.

    Raises:
        ConfigError: If ``action`` is unknown.
        DatasetError: On use: see above. The message names the file.
    """

    def __init__(self, action: str = 'skip', limit: int = 100) -> None:
        self.action = one_of('action', action, ('skip', 'stop'))
        self.limit = limit
        self.record: BadImageRecord | None = None

    def before_train(self, runner: Runner) -> None:
        """Watches the loading of training images, and of those for validation."""
        dataset = runner.train_loop.dataloader.dataset
        if self.action == 'skip':
            limit = min(self.limit, len(dataset) // 2)
            self.record = BadImageRecord(limit)
        _watch(dataset, self.record)
        if runner.val_loop is not None:
            _watch(runner.val_loop.dataloader.dataset, None)

    def before_val(self, runner: Runner) -> None:
        """Watches the loading of images."""
        _watch(runner.val_loop.dataloader.dataset, None)

    def before_test(self, runner: Runner) -> None:
        """Watches the loading of images."""
        _watch(runner.test_loop.dataloader.dataset, None)

    def after_train(self, runner: Runner) -> None:
        """Tells how many images were left out."""
        if self.record is not None and self.record.count:
            runner.logger.warning(
                f'{self.record.count} training images could not be read and were '
                'replaced by others; each is named above'
            )


class BadImageRecord:
    """Counts bad files over all processes that load data, each file once.

    Args:
        limit: How many there may be.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        # Hashes of paths; what a list of text cannot be, shared between processes.
        self._hashes = multiprocessing.Array('Q', limit + 1)
        self._count = multiprocessing.Value('i', 0)

    @property
    def count(self) -> int:
        """int: How many bad files there have been."""
        return self._count.value

    def add(self, path: str, reason: str) -> None:
        """Reports a bad file.

        Raises:
            DatasetError: If it is one too many.
        """
        digest = hashlib.blake2b(path.encode(errors='replace'), digest_size=8).digest()
        key = int.from_bytes(digest, 'little')
        with self._count.get_lock():
            count = self._count.value
            if key in self._hashes[:count]:
                return
            if count < self.limit:
                self._hashes[count] = key
                self._count.value = count + 1
        if count >= self.limit:
            raise DatasetError(
                f'more than {self.limit} training images cannot be read, {path} among '
                f'them ({reason}): repair the dataset, or raise limit of BadImageHook '
                'in custom_hooks'
            )
        print_log(
            f'Left out the training image {path}, which cannot be read: {reason} '
            f'(number {count + 1} of at most {self.limit})',
            'current',
            logging.WARNING,
        )


class WatchedPipeline(Compose):
    """A pipeline that tells bad images from other failures.

    Args:
        pipeline: The pipeline; its first transform loads the image.
        record: Where to count bad images; ``None``: they are errors.
    """

    def __init__(self, pipeline: Compose, record: BadImageRecord | None) -> None:
        self.transforms = pipeline.transforms
        self.record = record

    def __call__(self, data: dict) -> dict | None:
        """Runs the transforms.

        Returns:
            What the last one returns; ``None`` for a bad image, or if one returns it.

        Raises:
            DatasetError: If the image is bad, and there is no record or it is full.
        """
        path = str(data.get('img_path', 'an image without img_path'))
        for transform in self.transforms:
            loads = type(transform).__name__.startswith('LoadImage')
            try:
                if loads:
                    check_end(path)
                data = transform(data)
            except WWTError:
                raise
            except Exception as error:
                if not loads and not isinstance(error, cv2.error):
                    raise
                self._leave_out(path, _reason(data, error, loads), error)
                return None
            if data is None:
                return None
        return data

    def _leave_out(self, path: str, reason: str, error: Exception) -> None:
        if self.record is None:
            raise DatasetError(
                f'{path} cannot be read: {reason}; copy it again from the dataset, or '
                'take it out'
            ) from error
        self.record.add(path, reason)


class BadImageError(Exception):
    """An image cannot be read."""


def check_end(path: str) -> None:
    """Looks for the end of a JPEG or PNG file, which costs next to nothing.

    Args:
        path: The file. Remote ones, and what is not there, are left alone.

    Raises:
        BadImageError: If it is empty or cut off.
    """
    if not Path(path).is_file():
        return  # remote, or missing, of which the loader will tell
    with open(path, 'rb') as file:
        start = file.read(4)
        if not start:
            raise BadImageError('it is empty (0 bytes)')
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _LONGEST_END))
        end = file.read()
    png = start == _PNG_START and _PNG_END not in end
    if png or (start.startswith(_JPEG_START) and _JPEG_END not in end):
        _decode_strictly(path)


def _decode_strictly(path: str) -> None:
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise BadImageError(f'it is cut off ({error})') from error


def _reason(data: dict, error: Exception, loads: bool) -> str:
    if isinstance(error, BadImageError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return 'there is no such file'
    if isinstance(error, OSError):
        return str(error.strerror or error).lower()
    if loads:
        return 'it is broken or no image'
    height, width = data.get('ori_shape', (0, 0))[:2]
    return f'nothing is left of its {width} x {height} pixels when it is resized'


def _watch(dataset: Any, record: BadImageRecord | None) -> None:
    """Replaces the pipelines of a dataset, whatever wraps it."""
    for each in iterate_leaves(dataset):
        pipeline = getattr(each, 'pipeline', None)
        if isinstance(pipeline, Compose) and not isinstance(pipeline, WatchedPipeline):
            each.pipeline = WatchedPipeline(pipeline, record)
