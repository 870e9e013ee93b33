"""Writes a trained model as ONNX, once onnxruntime has computed the same with it."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseModel, revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from ..backbone import SlotMasks
from ..errors import ConfigError, ExportError, MissingPackageError
from ..guards.atomic import write_atomically
from ..guards.class_names import read_saved_classes, read_stage
from ..guards.weights import load_checkpoint_file, load_fitting

OPSET = 18  # the oldest that PyTorch's exporter writes without converting
TOLERANCE = 1e-4
_BATCHES = (1, 3)  # neither is the size that the graph is made with
_INPUT = 'image'
_BATCH = {0: torch.export.Dim('batch')}
_INPUT_FORMAT = 'float32 (batch, {}, height, width), {}0 to 255'


class ExportedModel(nn.Module):
    """A model as a function of a batch of images, with its normalisation.

    What it returns, by library:

    - mmpretrain: ``logits`` ``(B, classes)``; of retrievers, ``embedding`` ``(B, D)``.
    - mmdet: ``boxes`` ``(B, Q, 4)``, the corners x1, y1, x2, y2 in pixels of the given
      image, and ``scores`` ``(B, Q, classes)``, without background. There is nothing
      to suppress: each of the ``Q`` queries is one candidate.
    - mmseg: ``logits`` ``(B, classes, H, W)``, of the size of the image, which is
      looked at as a whole.
    - the backbone alone: ``slots``, ``masks`` and ``tokens``, or ``features``, as its
      ``out_type`` says, with the number of the block if there are several.

    Args:
        model: A model of one of the libraries, with its data preprocessor.
        library: ``'mmpretrain'``, ``'mmdet'`` or ``'mmseg'``.
        backbone_only: Whether to leave the heads out.

    Raises:
        ConfigError: If it is a model of which one cannot do this.
    """

    def __init__(
        self, model: BaseModel, library: str, backbone_only: bool = False
    ) -> None:
        super().__init__()
        self.model = revert_sync_batchnorm(model)
        preprocessor = model.data_preprocessor
        # Of the kernels of the first layer.
        kernels = (each for each in model.backbone.parameters() if each.ndim == 4)
        self.channels = next(kernels).shape[1]
        # Without normalisation the libraries' preprocessors have neither.
        mean = getattr(preprocessor, 'mean', torch.zeros(1, 1, 1))
        std = getattr(preprocessor, 'std', torch.ones(1, 1, 1))
        self.register_buffer('mean', mean.clone())
        self.register_buffer('std', std.clone())
        self.reads_rgb = any(
            getattr(preprocessor, name, False)
            for name in ('to_rgb', 'channel_conversion', '_channel_conversion')
        )
        self._compute = _find_outputs(model, library, backbone_only)

    def compute(self, image: Tensor) -> dict[str, Tensor]:
        """Computes the outputs by name.

        Args:
            image: ``(B, C, H, W)`` float32, RGB if of 3 channels, from 0 to 255.
        """
        image = image.flip(1) if self.channels == 3 and not self.reads_rgb else image
        return self._compute((image - self.mean) / self.std)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """The values of :meth:`compute`, as exporters want them."""
        return tuple(self.compute(image).values())


def default_shape(cfg: Config) -> tuple[int, int]:
    """Returns the image size (height, width) that a config's backbone is made for."""
    size = cfg.model.get('backbone', {}).get('img_size', 224)
    height, width = (size, size) if isinstance(size, int) else size
    return height, width


def build_exported_model(
    cfg: Config, checkpoint: str | Path, backbone_only: bool = False
) -> tuple[ExportedModel, tuple[str, ...]]:
    """Builds a config's model with its weights, in evaluation mode.

    Args:
        cfg: Config with a ``model``.
        checkpoint: Its weights.
        backbone_only: Whether to leave the heads out.

    Returns:
        The model, and the names of its classes, by the checkpoint or else the config.

    Raises:
        CheckpointError: If the checkpoint is of another model.
        ConfigError: If the config is of a model of which one cannot do this.
    """
    library = cfg.get('default_scope', 'mmengine')
    init_default_scope(library)
    model = MODELS.build(cfg.model)
    loaded = load_checkpoint_file(checkpoint, trust_option='save its state_dict alone')
    load_fitting(model, loaded, checkpoint, cfg.filename)
    exported = ExportedModel(model, library, backbone_only)
    test = read_stage(cfg, 'test')  # of a folder, which has no meta data
    names = read_saved_classes(loaded) or (test.names if test else ())
    return exported.eval().requires_grad_(False), names


def export_onnx(
    model: ExportedModel,
    shape: tuple[int, int],
    path: str | Path,
    classes: Sequence[str] = (),
) -> float:
    """Writes an ONNX file for batches of any size of images of one size.

    Args:
        model: What to write.
        shape: Height and width of the images in pixels.
        path: The file. It appears, all at once, when it has been checked.
        classes: Names of the classes, which are written into its meta data.

    Returns:
        float: The largest difference between onnxruntime's outputs and PyTorch's,
        relative to the largest value of an output where that is above 1.

    Raises:
        ExportError: If the model cannot be written, or the difference is above 1e-4.
        MissingPackageError: If onnx, onnxscript or onnxruntime is not installed.
    """
    _require_packages()
    names = list(model.compute(_make_images(1, shape, model.channels)))
    program = export_program(model, shape)
    written = torch.onnx.export(
        program,
        input_names=[_INPUT],
        dynamic_shapes={_INPUT: _BATCH},  # again, for the axis's name
        output_names=names,
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    proto = written.model_proto
    order = 'RGB, ' if model.channels == 3 else ''
    taken = _INPUT_FORMAT.format(model.channels, order)
    meta = {'input': taken, 'classes': json.dumps(list(classes))}
    for key, value in meta.items():
        proto.metadata_props.add(key=key, value=value)
    content = proto.SerializeToString()
    difference = compare_with_onnxruntime(content, model, shape)
    if not difference <= TOLERANCE:
        raise ExportError(
            f'onnxruntime differs from PyTorch by {difference:.1e}, more than '
            f'{TOLERANCE:.0e}: nothing was written to {path}'
        )
    write_atomically(content, path)
    return difference


def export_program(
    model: ExportedModel, shape: tuple[int, int]
) -> torch.export.ExportedProgram:
    """Records a model with ``torch.export``, for batches of images of one size.

    Raises:
        ExportError: If the model cannot be recorded.
    """
    try:
        # Strict: the other mode takes `len(tensor)` for a constant.
        return torch.export.export(
            model,
            (_make_images(2, shape, model.channels),),
            dynamic_shapes={_INPUT: _BATCH},
            strict=True,
        )
    except Exception as error:  # of many classes, by what the model does
        reason = str(error).strip().splitlines()
        raise ExportError(
            f'{type(model.model).__name__} cannot be recorded by torch.export: '
            f'{type(error).__name__}: {reason[0] if reason else ""}'
        ) from error


def compare_with_onnxruntime(
    content: bytes, model: ExportedModel, shape: tuple[int, int]
) -> float:
    """Computes batches of noise with both; see :func:`export_onnx` for the result."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])
    difference = 0.0
    for batch in _BATCHES:
        images = _make_images(batch, shape, model.channels)
        outputs = session.run(None, {_INPUT: images.numpy()})
        for output, expected in zip(outputs, model(images), strict=True):
            if output.shape != expected.shape:
                return math.inf
            scale = max(1.0, expected.abs().max().item())
            worst = (torch.from_numpy(output) - expected).abs().max().item()
            difference = max(difference, worst / scale)
    return difference


def _find_outputs(
    model: BaseModel, library: str, backbone_only: bool
) -> Callable[[Tensor], dict[str, Tensor]]:
    if backbone_only:
        return lambda image: dict(_name_features(model.backbone, image))
    if library == 'mmpretrain':
        return lambda image: _logits_or_embedding(model, image)
    if library == 'mmdet':
        from ..detection import WWTDetector

        if not isinstance(model, WWTDetector):
            raise ConfigError(
                f'{type(model).__name__} cannot be exported: only detectors of '
                'wwt_mm.detection can, which suppress nothing. Export its backbone '
                'with --backbone, or see mmdeploy'
            )
        return lambda image: _boxes_and_scores(model, image)
    if library == 'mmseg':
        return lambda image: _label_logits(model, image)
    raise ConfigError(
        f'default_scope={library!r} is none of mmpretrain, mmdet and mmseg'
    )


def _name_features(backbone: nn.Module, image: Tensor) -> Iterator[tuple[str, Tensor]]:
    features = backbone(image)
    for index, feature in enumerate(features):
        suffix = f'_{index}' if len(features) > 1 else ''
        if isinstance(feature, SlotMasks):
            for name in ('slots', 'masks', 'tokens'):
                yield f'{name}{suffix}', getattr(feature, name)
        else:
            yield f'features{suffix}', feature


def _logits_or_embedding(model: BaseModel, image: Tensor) -> dict[str, Tensor]:
    output = model(image, mode='tensor')
    if isinstance(output, Tensor):
        return dict(logits=output)
    return dict(embedding=output[-1])  # the maps of a retriever's encoder


def _boxes_and_scores(model: BaseModel, image: Tensor) -> dict[str, Tensor]:
    height, width = image.shape[-2:]
    # Not by mode='tensor', which takes the tokens of the last patches for full ones.
    metas = [dict(img_shape=(height, width))]
    outputs = model.bbox_head(model.extract_feat(image), metas)
    logits, boxes = (layers[-1] for layers in outputs)
    centre, size = boxes.split(2, dim=-1)
    corners = torch.cat([centre - size / 2, centre + size / 2], dim=-1)
    pixels = corners.clamp(0, 1) * corners.new_tensor([width, height, width, height])
    return dict(boxes=pixels, scores=model.bbox_head.to_scores(logits))


def _label_logits(model: BaseModel, image: Tensor) -> dict[str, Tensor]:
    shape = tuple(image.shape[-2:])
    meta = dict(img_shape=shape, pad_shape=shape, ori_shape=shape)
    return dict(logits=model.encode_decode(image, [meta]))


def _make_images(batch: int, shape: tuple[int, int], channels: int) -> Tensor:
    generator = torch.Generator().manual_seed(batch)
    return 255 * torch.rand(batch, channels, *shape, generator=generator)


def _require_packages() -> None:
    for package in ('onnx', 'onnxscript', 'onnxruntime'):
        if find_spec(package) is None:
            raise MissingPackageError(
                f'Exporting needs {package}, which is not installed. Install it with '
                '`pip install "wwt-mm[export]"`'
            )
