"""Reads label maps, and names the file if one is missing or damaged."""

import io
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmseg.registry import TRANSFORMS
from PIL import Image, UnidentifiedImageError

from ..errors import DatasetError, one_of


@TRANSFORMS.register_module()
class LoadSegMap(BaseTransform):
    """Load the label map of an image: mmseg's ``LoadAnnotations``, with checks.

    Images without ``seg_map_path``, such as those given to an inferencer of mmseg, stay
    as they are.

    Required keys: ``seg_map_path``; ``label_map``, ``reduce_zero_label`` and
    ``seg_fields``, which mmseg's datasets give. Added key: ``gt_seg_map`` ``(H, W)``,
    uint8, or int16 where labels exceed it; also its name in ``seg_fields``.

    Args:
        num_classes: Labels go from 0 to ``num_classes - 1``. ``None``: the dataset
            tells, under this name.
        ignore_index: The label of pixels that do not count.
        encoding: How a file holds labels. ``'index'``: one channel, or an indexed
            palette, as in Pascal VOC. ``'rgb_id'``: ``R + 256 * G``, as in
            ImageNet-S.
        backend_args: mmengine's file backend.

    Raises:
        ConfigError: If ``encoding`` is unknown.
        DatasetError: On use, if a file is missing, is no image, does not fit the
            image's size or holds labels out of range. The message names the file.
    """

    def __init__(
        self,
        num_classes: int | None = None,
        ignore_index: int = 255,
        encoding: str = 'index',
        backend_args: dict | None = None,
    ) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.encoding = one_of('encoding', encoding, ('index', 'rgb_id'))
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add the label map."""
        if 'seg_map_path' not in results:
            return results
        path = results['seg_map_path']
        labels = self._decode(read_label_map(path, self.backend_args), path)
        self._check(labels, path, results)
        if results.get('reduce_zero_label'):
            ignored = (labels == 0) | (labels == self.ignore_index)
            labels = np.where(ignored, self.ignore_index, labels - 1)
        if results.get('label_map') is not None:
            labels = self._remap(labels, results['label_map'])
        # What OpenCV can resize.
        dtype = np.uint8 if self.ignore_index < 256 else np.int16
        results['gt_seg_map'] = labels.astype(dtype)
        results['seg_fields'].append('gt_seg_map')
        return results

    def _decode(self, image: Image.Image, path: str) -> np.ndarray:
        pixels = np.asarray(image)
        if self.encoding == 'rgb_id':
            if pixels.ndim != 3 or pixels.shape[2] < 3:
                raise DatasetError(
                    f'the label map {path} has mode {image.mode}, not RGB: ImageNet-S '
                    'stores ids as R + 256 * G; is this file of another dataset?'
                )
            red, green = pixels[..., 0], pixels[..., 1]
            return red + 256 * green.astype(np.int64)
        if pixels.ndim != 2:
            raise DatasetError(
                f'the label map {path} has mode {image.mode}, not indices: convert its '
                'colours to class indices (palette or greyscale PNG)'
            )
        return pixels.astype(np.int64)

    def _check(self, labels: np.ndarray, path: str, results: dict) -> None:
        shape = results.get('ori_shape')
        if shape is not None and labels.shape != tuple(shape[:2]):
            raise DatasetError(
                f'the label map {path} is {labels.shape[1]} x {labels.shape[0]} pixels '
                f'and its image {results.get("img_path", "")} {shape[1]} x {shape[0]}: '
                'one of them belongs to another image'
            )
        classes = self.num_classes or results['num_classes']
        if results.get('label_map'):
            classes = max(results['label_map']) + 1
        classes += bool(results.get('reduce_zero_label'))
        wrong = (labels >= classes) & (labels != self.ignore_index)
        if wrong.any():
            y, x = np.argwhere(wrong)[0]
            raise DatasetError(
                f'the label map {path} holds {labels[y, x]} at pixel ({x}, {y}), which '
                f'is no class (0 to {classes - 1}) and not {self.ignore_index} '
                f'(ignored): is {Path(path).name} of another dataset?'
            )

    def _remap(self, labels: np.ndarray, label_map: dict[int, int]) -> np.ndarray:
        table = np.arange(max(self.ignore_index, max(label_map)) + 1)
        table[list(label_map)] = list(label_map.values())
        table[self.ignore_index] = self.ignore_index
        return table[labels]


@TRANSFORMS.register_module()
class ForegroundLabels(BaseTransform):
    """Give objects of all classes the label 1; 0 and 255 stay.

    Required and changed key: ``gt_seg_map`` ``(H, W)`` uint8; images without it stay.
    """

    def transform(self, results: dict) -> dict:
        """Change the label map."""
        if 'gt_seg_map' in results:
            labels = results['gt_seg_map']
            results['gt_seg_map'] = np.where(labels == 255, 255, labels > 0).astype(
                np.uint8
            )
        return results


def read_label_map(path: str, backend_args: dict | None = None) -> Image.Image:
    """Read the image that holds a label map.

    Args:
        path: Its file.
        backend_args: mmengine's file backend.

    Raises:
        DatasetError: If the file is missing or is no image. The message names it.
    """
    try:
        content = fileio.get(path, backend_args=backend_args)
    except OSError as error:
        raise DatasetError(
            f'no label map at {path} ({error.strerror or error}): restore it, or '
            'take the image out of the list in ann_file'
        ) from error
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise DatasetError(
            f'the label map {path} cannot be read ({len(content)} bytes: {error}): '
            'copy it again from the dataset'
        ) from error
    return image
