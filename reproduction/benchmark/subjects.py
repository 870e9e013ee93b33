"""What is measured: a model of any config, or one of timm's, on random images."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache

import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from wwt_mm.backbone.block import WhatWhereBlock
from wwt_mm.engine import load_config
from wwt_mm.errors import ConfigError

from .complexity import count_macs

TIMM = 'timm:'
DTYPES = {'fp32': None, 'bf16': torch.bfloat16, 'fp16': torch.float16}


@dataclass(frozen=True)
class Settings:
    """How subjects are run.

    Attributes:
        size: Height and width of the images in pixels.
        batch_size: Images at once.
        device: Name of torch's device.
        dtype: ``'fp32'``, or ``'bf16'`` or ``'fp16'`` by autocast.
        compile: Whether blocks go through ``torch.compile``, as ``compile`` in a
            config has it; without such blocks a config's backbone, or the whole.
        cfg_options: Changes to configs, as of ``--cfg-options``.
    """

    size: int = 224
    batch_size: int = 8
    device: str = 'cpu'
    dtype: str = 'fp32'
    compile: bool = False
    cfg_options: dict = field(default_factory=dict)

    def autocast(self) -> AbstractContextManager:
        """The context of a forward pass."""
        dtype = DTYPES[self.dtype]
        kind = torch.device(self.device).type
        return nullcontext() if dtype is None else torch.autocast(kind, dtype)


class Subject:
    """A model with random weights and a batch of random images.

    Args:
        name: What was asked for.
        model: The model, on the device.
        predict: Computes predictions of images ``(B, 3, S, S)``.
        loss: Computes the loss of images and labels ``(B,)``; ``None`` if the model is
            no classifier.
        settings: How it is run.
        blocks: What is compiled if the settings say so; alike blocks share a graph.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        predict: Callable[[Tensor], object],
        loss: Callable[[Tensor, Tensor], Tensor] | None,
        settings: Settings,
        blocks: Iterable[nn.Module] = (),
    ) -> None:
        self.name = name
        self.model = model
        self.settings = settings
        self._predict, self._loss = predict, loss
        shape = (settings.batch_size, 3, settings.size, settings.size)
        self.images = torch.randn(shape, device=settings.device)
        self.labels = torch.randint(10, (len(self.images),), device=settings.device)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
        self._macs: int | None = None
        if settings.compile:
            self.macs()  # later its counter would keep blocks from being compiled
            for block in blocks:
                block.compile(dynamic=False)

    @property
    def trains(self) -> bool:
        """Whether a training step can be run."""
        return self._loss is not None

    def forward(self) -> None:
        """Predict, as at inference."""
        self.model.eval()
        with torch.no_grad(), self.settings.autocast():
            self._predict(self.images)

    def step(self) -> None:
        """One training step: forward, backward, AdamW, fused as in the configs."""
        self.model.train()
        with self.settings.autocast():
            loss = self._loss(self.images, self.labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def macs(self) -> int:
        """Multiply-accumulates of :meth:`forward` for one image."""
        self.model.eval()
        if self._macs is None:
            self._macs = count_macs(lambda: self._predict(self.images[:1]))
        return self._macs


def build_subject(name: str, settings: Settings) -> Subject:
    """Build what a user named.

    Args:
        name: A config of any of the libraries, or ``timm:`` and a model of timm's.
        settings: Images, device and precision.

    Returns:
        The subject, with random weights.

    Raises:
        ConfigError: If there is no such config or model.
    """
    torch.manual_seed(0)
    build = _from_timm if name.startswith(TIMM) else _from_config
    return build(name, settings)


def _from_timm(name: str, settings: Settings) -> Subject:
    import timm

    model_name = name.removeprefix(TIMM)
    if not timm.is_model(model_name):
        close = ', '.join(timm.list_models(f'*{model_name[:8]}*')[:5])
        raise ConfigError(f'timm has no model {model_name!r}; near are: {close}')
    options = {}
    if 'vit' in _family(model_name):
        # Stochastic depth as DeiT is trained, and as our configs are.
        options = dict(img_size=settings.size, drop_path_rate=0.1)
    model = timm.create_model(model_name, **options).to(settings.device)
    if settings.compile:
        # A compiler builds numbers into the code: one rate, or each block is another.
        for module in model.modules():
            if hasattr(module, 'drop_prob'):
                module.drop_prob = 0.1
    blocks = getattr(model, 'blocks', [model])

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(model(images), labels)

    return Subject(name, model, model, loss, settings, blocks)


def _family(model_name: str) -> str:
    from timm.models import get_arch_name, model_entrypoint

    module = model_entrypoint(get_arch_name(model_name)).__module__
    return 'vit' if module.endswith(('deit', 'vision_transformer')) else module


def _from_config(name: str, settings: Settings) -> Subject:
    cfg = load_config(name, settings.cfg_options)
    _set_image_size(cfg.model, settings.size)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    with _quiet():
        model = MODELS.build(cfg.model)
        model.init_weights()
    model.to(settings.device)
    blocks = [m for m in model.modules() if isinstance(m, WhatWhereBlock)]
    blocks = blocks or [model.backbone]
    if not _is_classifier(model):
        return Subject(name, model, model, None, settings, blocks)

    from mmpretrain.structures import DataSample

    def predict(images: Tensor) -> object:
        return model(images, mode='predict')

    @cache  # as data loaders have them; here they would be waited for one by one
    def sample(labels: Tensor) -> list[DataSample]:
        return [
            DataSample().set_gt_label(label).to(settings.device)
            for label in labels.tolist()
        ]

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        samples = sample(labels)
        return model.parse_losses(model(images, samples, mode='loss'))[0]

    return Subject(name, model, predict, loss, settings, blocks)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without a line for each parameter, which mmengine logs when it draws them."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)


def _set_image_size(model: ConfigDict, size: int) -> None:
    """Position embeddings are made for the size, so that none has to be resampled."""
    if 'img_size' in model.get('backbone', {}):
        model.backbone.img_size = size


def _is_classifier(model: nn.Module) -> bool:
    try:
        from mmpretrain.models import ImageClassifier
    except ImportError:
        return False
    return isinstance(model, ImageClassifier)
