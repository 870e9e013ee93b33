"""Images to infer on: where they are, and the test pipeline of a config for them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.datasets.folder import IMG_EXTENSIONS

from ..errors import ConfigError, DatasetError
from ..guards.bad_image_hook import check_end
from ..guards.class_names import iterate_leaves, name_type
from .outputs import PICTURE_SUFFIX

ImageInput = str | Path | np.ndarray | Tensor | Image.Image
_IN_MEMORY = (np.ndarray, Tensor, Image.Image)
_GIVE = (
    "give an array of uint8, such as (image / 256).astype('uint8') for 16 bits, or of "
    'floats from 0 to 1'
)

# Transforms that need annotations, which images of a user's do not have.
_FOR_LABELS = ('LoadAnnotations', 'LoadPanopticAnnotations', 'LoadSegMap')
_FOR_LABELS += ('AddImageLabels', 'FilterAnnotations')
# Transforms after which the network still sees the whole image.
_KEEPS_WHOLE = ('Resize', 'ResizeEdge', 'PackInputs', 'PackDetInputs', 'PackSegInputs')


class PackedImage(NamedTuple):
    """An image, ready for the model.

    Attributes:
        inputs: ``(C, H, W)``, BGR if of 3 channels, for the model's preprocessor.
        sample: The data sample that was packed with it.
        original: ``(H', W', 3)`` uint8 RGB: the whole image, or ``None`` where the
            pipeline has cut a part out of it, or it has neither 1 nor 3 channels.
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
        channels: How many channels the model takes.

    Raises:
        ConfigError: If it has no test pipeline that begins with an image.
    """

    def __init__(self, cfg: Config, channels: int = 3) -> None:
        self.channels = channels
        self.name = cfg.filename
        self.scope = cfg.get('default_scope', 'mmengine')
        self.steps = [
            {key: _to_tuple(value) for key, value in step.items()}
            for step in _find_pipeline(cfg)
            if name_type(step) not in _FOR_LABELS
        ]
        if not self.steps or not name_type(self.steps[0]).startswith('LoadImage'):
            raise ConfigError(
                f'{cfg.filename}: the test pipeline must begin with LoadImageFromFile'
            )
        after = map(name_type, self.steps[1:])
        self.keeps_whole = all(name in _KEEPS_WHOLE for name in after)
        with DefaultScope.overwrite_default_scope(self.scope):
            self.load, *self.rest = Compose(self.steps).transforms

    def __call__(self, image: ImageInput) -> PackedImage:
        """Load and transform an image.

        Args:
            image: A file, or pixels: see :func:`to_pixels`.

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
        if isinstance(image, _IN_MEMORY):
            pixels = to_pixels(image, self.channels)
            results = dict(img=pixels, img_path=None, img_id=0)
            results['img_shape'] = results['ori_shape'] = pixels.shape[:2]
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
        found = len(results['inputs'])
        if found != self.channels:
            raise ConfigError(
                f'{self.name}: the test pipeline gives {found} channels and the '
                f"backbone takes in_channels={self.channels}: set the loader's "
                "color_type ('color': 3, 'grayscale': 1), or in_channels"
            )
        loaded = loaded if loaded.ndim == 3 else loaded[..., None]
        if self.keeps_whole and loaded.shape[2] in (1, 3):
            rgb = loaded[..., ::-1].clip(0, 255).astype(np.uint8)
            original = np.repeat(rgb, 3 // loaded.shape[2], axis=2)
        return PackedImage(results['inputs'], results['data_samples'], original)


def to_pixels(image: np.ndarray | Tensor | Image.Image, channels: int) -> np.ndarray:
    """Makes of pixels in memory what the loader would make of their file.

    Args:
        image: ``(H, W, 3)`` BGR, as OpenCV has it; a tensor ``(3, H, W)`` RGB, as
            torchvision has it; or a picture of PIL, but of 32 bits (modes I and F).
            Arrays and tensors are uint8, or floats from 0 to 1 or (if any is above 1)
            from 0 to 255.
        channels: How many the model takes. With others than 3, the order of channels
            stays as it is, and one may be left out of the shape.

    Returns:
        ``(H, W, C)`` uint8, BGR if of 3 channels.

    Raises:
        ValueError: If it has another shape, type or range.
    """
    if isinstance(image, Image.Image):
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith('I;16'):  # convert() would cut values off at 255
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        if image.mode in ('I', 'F'):
            raise ValueError(f'of mode {image.mode!r} the range is not known: {_GIVE}')
        image = np.asarray(image.convert('RGB' if channels == 3 else 'L'))
        pixels = image[..., ::-1] if channels == 3 else image
    elif isinstance(image, Tensor):
        pixels = np.moveaxis(image.detach().cpu().numpy(), 0, -1) if image.ndim else 0
        pixels = pixels[..., ::-1] if channels == 3 else pixels
    else:
        pixels = image
    pixels = np.asarray(pixels)
    if pixels.ndim == 2 and channels == 1:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[2] != channels or not pixels.size:
        bgr, rgb = (' BGR', ' RGB') if channels == 3 else ('', '')
        form = f'(H, W, {channels}){bgr}, a tensor ({channels}, H, W){rgb}'
        raise ValueError(f'an array must be {form}, not {tuple(image.shape)}')
    if pixels.dtype.kind == 'f':
        low, high = pixels.min(), pixels.max()
        if not (low >= 0 and high <= 255):
            raise ValueError(
                f'its values reach from {low:g} to {high:g}: floats must be from 0 to '
                '1 or from 0 to 255, not normalised'
            )
        pixels = (pixels * 255 if high <= 1 else pixels).round().astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise ValueError(
            f'its type is {pixels.dtype}, of which the range is not known: {_GIVE}'
        )
    return np.ascontiguousarray(pixels)


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
    if isinstance(inputs, _IN_MEMORY):
        return [inputs]
    if isinstance(inputs, str | Path):
        if not Path(inputs).exists():
            raise DatasetError(f'no image or folder at {inputs}')
        return list_images(inputs) if Path(inputs).is_dir() else [Path(inputs)]
    images = list(inputs) if isinstance(inputs, Iterable) else [inputs]
    for image in images or [None]:
        if not isinstance(image, (str, Path, *_IN_MEMORY)):
            raise DatasetError(
                f'{"an empty list" if not images else repr(image)} is no image: give a '
                'file, a folder, an array, a tensor, a picture of PIL, or several'
            )
    return [Path(image) if isinstance(image, str) else image for image in images]


def is_one_image(inputs: ImageInput | Iterable[ImageInput]) -> bool:
    """Tells an image from a folder and from several images."""
    if isinstance(inputs, str | Path):
        return not Path(inputs).is_dir()
    return isinstance(inputs, _IN_MEMORY)


def _to_tuple(value: Any) -> Any:
    """Sizes, which are lists in a config.json, as transforms want them."""
    numbers = isinstance(value, list) and {int, float}.issuperset(map(type, value))
    return tuple(value) if numbers else value


def _find_pipeline(cfg: Config) -> list[Any]:
    dataset = (cfg.get('test_dataloader') or {}).get('dataset')
    dataset = next(iterate_leaves(dataset), {})  # whatever wraps it
    pipeline = dataset.get('pipeline') or cfg.get('test_pipeline')
    if not pipeline:
        raise ConfigError(
            f'{cfg.filename} has no test_dataloader.dataset.pipeline, which says how '
            'images are prepared'
        )
    return list(pipeline)


def _describe(image: ImageInput, error: Exception) -> str:
    name = 'an image given as array' if isinstance(image, _IN_MEMORY) else str(image)
    reason = ' '.join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror.lower()
    elif name in reason or '!buf.empty()' in reason:  # of mmcv, of OpenCV
        reason = 'it is empty, broken or no image'
    return f'{name} cannot be read: {reason}'
