"""Images to infer on: where they are, and the test pipeline of a config for them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from torch import Tensor
from torchvision.datasets.folder import IMG_EXTENSIONS

from ..errors import ConfigError, DatasetError
from ..guards.bad_image_hook import check_end
from .outputs import PICTURE_SUFFIX

ImageInput = str | Path | np.ndarray

# Transforms that need annotations, which images of a user's do not have.
_FOR_LABELS = ('LoadAnnotations', 'LoadPanopticAnnotations', 'LoadSegMap')
_FOR_LABELS += ('AddImageLabels', 'FilterAnnotations')
# Transforms after which the network still sees the whole image.
_KEEPS_WHOLE = ('Resize', 'ResizeEdge', 'PackInputs', 'PackDetInputs', 'PackSegInputs')


class PackedImage(NamedTuple):
    """An image, ready for the model.

    Attributes:
        inputs: ``(3, H, W)`` BGR, what the model's preprocessor takes.
        sample: The data sample that was packed with it.
        original: ``(H', W', 3)`` uint8 RGB: the whole image, or ``None`` where the
            pipeline has cut a part out of it.
    """

    inputs: Tensor
    sample: BaseDataElement
    original: np.ndarray | None


class ImagePipeline:
    """The test pipeline of a config, without what loads annotations.

    Images are read by the config's own loader, which is that of training: grey ones,
    palettes, 16 bits and CMYK become 8-bit BGR, transparency is dropped, and EXIF
    orientation is applied.

    Args:
        cfg: Config of one of the three libraries.

    Raises:
        ConfigError: If it has no test pipeline that begins with an image.
    """

    def __init__(self, cfg: Config) -> None:
        self.name = cfg.filename
        self.scope = cfg.get('default_scope', 'mmengine')
        steps = [step for step in _find_pipeline(cfg) if _name(step) not in _FOR_LABELS]
        if not steps or not _name(steps[0]).startswith('LoadImage'):
            raise ConfigError(
                f'{cfg.filename}: the test pipeline must begin with LoadImageFromFile'
            )
        self.keeps_whole = all(_name(step) in _KEEPS_WHOLE for step in steps[1:])
        with DefaultScope.overwrite_default_scope(self.scope):
            self.load, *self.rest = Compose(steps).transforms

    def __call__(self, image: ImageInput) -> PackedImage:
        """Load and transform an image.

        Args:
            image: A file, or ``(H, W, 3)`` uint8 BGR pixels.

        Raises:
            DatasetError: If it cannot be read or transformed.
            ConfigError: If the pipeline needs more than an image.
        """
        try:
            return self._transform(image)
        except ConfigError:
            raise
        except Exception as error:  # whatever decoders and transforms may raise
            raise DatasetError(_describe(image, error)) from error

    def _transform(self, image: ImageInput) -> PackedImage:
        if isinstance(image, np.ndarray):
            if image.ndim != 3 or image.shape[2] != 3 or not image.size:
                raise ValueError(f'an array must be (H, W, 3) BGR, not {image.shape}')
            results = dict(img=image, img_path=None, img_id=0)
            results['img_shape'] = results['ori_shape'] = image.shape[:2]
        else:
            check_end(str(image))  # OpenCV would fill up what is missing
            results = self.load(dict(img_path=str(image), img_id=0))
        loaded = results['img']
        for transform in self.rest:
            try:
                results = transform(results)
            except KeyError as error:
                raise ConfigError(
                    f'{self.name}: {type(transform).__name__} of the test pipeline '
                    f'needs {error}, which an image by itself does not have'
                ) from error
        original = None
        if self.keeps_whole:
            original = loaded[..., ::-1].clip(0, 255).astype(np.uint8)
        return PackedImage(results['inputs'], results['data_samples'], original)


def list_images(folder: str | Path) -> list[Path]:
    """Finds the images in a folder and all folders below it.

    Args:
        folder: Where to look. Hidden files and what :class:`SlotInferencer` has
            written are left out.

    Returns:
        list[Path]: Their paths, in order.

    Raises:
        DatasetError: If there is none.
    """
    folder = Path(folder)
    images = sorted(
        path
        for path in folder.rglob('*')
        if path.suffix.lower() in IMG_EXTENSIONS
        and not path.name.endswith(PICTURE_SUFFIX)
        and not any(part.startswith('.') for part in path.relative_to(folder).parts)
    )
    if not images:
        raise DatasetError(
            f'{folder} holds no image ({" ".join(sorted(IMG_EXTENSIONS))})'
        )
    return images


def collect_images(inputs: ImageInput | Iterable[ImageInput]) -> list[ImageInput]:
    """Makes a list of what a user has given: an image, a folder, or several images.

    Raises:
        DatasetError: If a path does not exist, or a folder holds no image.
    """
    if isinstance(inputs, np.ndarray):
        return [inputs]
    if isinstance(inputs, str | Path):
        if not Path(inputs).exists():
            raise DatasetError(f'no image or folder at {inputs}')
        return list_images(inputs) if Path(inputs).is_dir() else [Path(inputs)]
    return [image if isinstance(image, np.ndarray) else Path(image) for image in inputs]


def is_one_image(inputs: ImageInput | Iterable[ImageInput]) -> bool:
    """Tells an image from a folder and from several images."""
    if isinstance(inputs, str | Path):
        return not Path(inputs).is_dir()
    return isinstance(inputs, np.ndarray)


def _find_pipeline(cfg: Config) -> list[Any]:
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'pipeline' not in dataset and 'dataset' in dataset:  # wrapped
        dataset = dataset['dataset']
    pipeline = dataset.get('pipeline') or cfg.get('test_pipeline')
    if not pipeline:
        raise ConfigError(
            f'{cfg.filename} has no test_dataloader.dataset.pipeline, which says how '
            'images are prepared'
        )
    return list(pipeline)


def _name(step: Any) -> str:
    """The class name of a transform, without the scope of its registry."""
    kind = step['type']
    name = kind if isinstance(kind, str) else kind.__name__
    return name.rpartition('.')[2]


def _describe(image: ImageInput, error: Exception) -> str:
    name = 'an image given as array' if isinstance(image, np.ndarray) else str(image)
    reason = ' '.join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror.lower()
    elif name in reason or '!buf.empty()' in reason:  # of mmcv, of OpenCV
        reason = 'it is empty, broken or no image'
    return f'{name} cannot be read: {reason}'
