"""From images to slots, masks, classes and regions, in one call."""

import copy
import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import MODELS, DefaultScope

from ..engine.config import load_config
from ..errors import ConfigError, DatasetError, one_of
from ..guards.weights import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    load_checkpoint_file,
    load_fitting,
)
from ..structures import SlotResult
from ..weights import SHIPPED_MODEL
from .class_names import find_class_names
from .images import ImageInput, ImagePipeline, PackedImage, collect_images, is_one_image
from .outputs import OutputFolder, name_images
from .region_finder import region_finder
from .slot_reader import SlotReader

ON_BAD_IMAGE = ('stop', 'skip')
_READING_THREADS = 4


class SlotInferencer:
    """Runs a model with a What-Where Transformer on images of any kind and size.

    Examples:
        >>> SlotInferencer()('photo.jpg').classes[0]       # with the model that ships
        >>> infer = SlotInferencer('configs/mmpretrain/wwt_scenes.py', 'epoch_8.pth')
        >>> result = infer('scene.jpg', out_dir='seen')    # one image: its result
        >>> result.masks.shape, result.classes[0]
        >>> for result in infer('folder'):                 # many: one at a time
        ...     print(result.path, result.classes[0])

    Results of many images come from a generator, and none is kept: memory does not
    grow with their number. (mmengine's ``BaseInferencer`` collects them all.)

    Args:
        config: Config of a classifier, detector, segmentor or discoverer whose
            backbone is a ``WhatWhereTransformer``: a file, a loaded config, or a folder
            with ``config.json`` and ``model.safetensors``. ``None``: the small model of
            photographs that is part of the package (docs/inference.md).
        checkpoint: Weights; by default those of the folder, else random ones, for a
            look at the shapes.
        device: Such as ``'cpu'`` or ``'cuda:1'``; a GPU by default, where there is one.
        batch_size: Images that are computed together.
        on_bad_image: Of many images, what to do with those that cannot be read:
            ``'stop'`` raises an error, ``'skip'`` warns, counts them in
            :attr:`num_bad` and goes on.
        cfg_options: Changes of the config, as ``--cfg-options``.
        trust_checkpoint: Whether to read a checkpoint that holds more than weights,
            which may run any program.

    Attributes:
        num_bad: Images that were skipped since the last call.
        record: What results depend on, besides the image.

    Raises:
        ConfigError: If the config has no such backbone or no test pipeline.
        CheckpointError: If the checkpoint cannot be read or is of another model.
    """

    def __init__(
        self,
        config: str | Path | Config | None = None,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        batch_size: int = 8,
        on_bad_image: str = 'stop',
        cfg_options: dict | None = None,
        trust_checkpoint: bool = False,
    ) -> None:
        if batch_size < 1:
            raise ConfigError(f'batch_size={batch_size} must be at least 1')
        if config is None:
            config = SHIPPED_MODEL
        if isinstance(config, str | Path) and Path(config).is_dir():
            checkpoint = checkpoint or Path(config, WEIGHTS_NAME)
            config = Path(config, CONFIG_NAME)
        if not isinstance(config, Config):
            config = load_config(config, cfg_options)
        elif cfg_options:
            config = copy.deepcopy(config)
            config.merge_from_dict(cfg_options)
        self.batch_size = batch_size
        self.on_bad_image = one_of('on_bad_image', on_bad_image, ON_BAD_IMAGE)
        self.num_bad = 0
        backbone = (config.get('model') or {}).get('backbone') or {}
        self.pipeline = ImagePipeline(config, backbone.get('in_channels', 3))
        with DefaultScope.overwrite_default_scope(self.pipeline.scope):
            model = MODELS.build(copy.deepcopy(config.model))
        model.eval().requires_grad_(False)
        self.reader = SlotReader(model)
        content = {}
        if checkpoint is not None:
            content = self._load(config, checkpoint, trust_checkpoint)
        self.class_names = find_class_names(config, content, self.reader)
        self.find_regions = region_finder(model, config.get('slot_regions'))
        model.to(_find_device(device))
        settings = [config.model, config.get('slot_regions'), self.pipeline.steps]
        self.record = dict(
            config=str(Path(config.filename or 'config').resolve()),
            options={key: str(value) for key, value in (cfg_options or {}).items()},
            checkpoint=checkpoint and str(Path(checkpoint).resolve()),
            checkpoint_time=checkpoint and Path(checkpoint).stat().st_mtime,
            config_content=sha256(str(settings).encode()).hexdigest()[:16],
        )

    def __call__(
        self,
        inputs: ImageInput | Iterable[ImageInput],
        out_dir: str | Path | None = None,
    ) -> SlotResult | Iterator[SlotResult]:
        """Look at one image, or at many.

        Args:
            inputs: A file, a folder, pixels (an array BGR, a tensor RGB, a picture of
                PIL: see :func:`~wwt_mm.inference.images.to_pixels`), or several.
            out_dir: Folder to write a picture and a table of each image to, as results
                are taken from the iterator.

        Returns:
            The result of a single file or array; for a folder or several, an iterator
            over the results.

        Raises:
            DatasetError: If an image cannot be read. Of many, bad ones may be skipped.
        """
        images = collect_images(inputs)
        names = name_images(images)
        folder = None if out_dir is None else OutputFolder(out_dir, self.record)
        if is_one_image(inputs):
            (result,) = self._look(images, [self.pipeline(images[0])])
            if folder is not None:
                folder.write(names[0], result)
            return result
        return (result for _, result in self.stream(images, names, folder))

    def stream(
        self,
        images: Sequence[ImageInput],
        names: Sequence[str],
        folder: OutputFolder | None = None,
    ) -> Iterator[tuple[str, SlotResult]]:
        """Look at named images by batches; yields names and results, once written."""
        self.num_bad = 0
        with ThreadPoolExecutor(_READING_THREADS) as pool:
            for start in range(0, len(images), self.batch_size):
                batch = slice(start, start + self.batch_size)
                packed = [*pool.map(self._try, images[batch])]
                good = [
                    triple
                    for triple in zip(names[batch], images[batch], packed, strict=True)
                    if triple[2] is not None
                ]
                self.num_bad += len(packed) - len(good)
                if not good:
                    continue
                good_names, *pair = zip(*good, strict=True)
                for name, result in zip(good_names, self._look(*pair), strict=True):
                    if folder is not None:
                        folder.write(name, result)
                    yield name, result

    def _try(self, image: ImageInput) -> PackedImage | None:
        try:
            return self.pipeline(image)
        except DatasetError as error:
            if self.on_bad_image == 'stop':
                raise
            print_log(f'skipped: {error}', 'current', logging.WARNING)
            return None

    def _look(
        self, images: Sequence[ImageInput], packed: Sequence[PackedImage]
    ) -> Iterator[SlotResult]:
        """Results of one batch."""
        readings = self.reader(
            [image.inputs for image in packed], [image.sample for image in packed]
        )
        for image, pack, reading in zip(images, packed, readings, strict=True):
            fields = dict(vars(reading))
            if pack.original is not None:
                fields['image'] = pack.original
            yield SlotResult(
                **fields,
                path=image if isinstance(image, Path) else None,
                class_names=self.class_names,
                regions=self.find_regions
                and self.find_regions(reading, fields['image'].shape[:2]),
            )

    def _load(self, config: Config, checkpoint: str | Path, trust: bool) -> dict:
        """Load weights into the model; returns what is in the checkpoint."""
        content = load_checkpoint_file(checkpoint, trust, 'trust_checkpoint=True')
        weights = load_fitting(self.reader.model, content, checkpoint, config.filename)
        for part in self.reader.forget_untrained(weights):
            print_log(
                f'{checkpoint} has no weights of the {part}: it is left out',
                'current',
                logging.WARNING,
            )
        return content


def _find_device(name: str | None) -> torch.device:
    if name is None:
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # Torch without CUDA asserts
        reason = str(error).splitlines()[0]
        raise ConfigError(f'device={name!r} cannot be used: {reason}') from error
    return device
