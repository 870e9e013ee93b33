"""Parameters and multiply-accumulates of what a config does to one image."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import BaseDataElement
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Complexity:
    """What inference on one image takes.

    Attributes:
        shape: Height and width of the image, padded as the model pads it, in pixels.
        params: Parameters that inference uses.
        training_params: Parameters that it does not use, as those of a head that only
            adds a loss in training.
        macs: Multiply-accumulates of matrix products, convolutions and attention. One
            of them is two floating-point operations; many papers, ours among them, call
            them FLOPs. Norms, activations and sums are not counted.
        macs_by_part: The same for each direct child of the model that has any.
    """

    shape: tuple[int, int]
    params: int
    training_params: int
    macs: int
    macs_by_part: dict[str, int]


def measure_complexity(
    cfg: Config, shape: tuple[int, int] | None = None
) -> Complexity:
    """Builds the model of a config and measures one forward pass, on the CPU.

    The pass ends with the head's raw output, before any post-processing
    (``mode='tensor'``).

    Args:
        cfg: Config with a ``model``.
        shape: Height and width of the image in pixels; by default the ``img_size`` of
            the backbone, or 224 x 224 if it has none.

    Returns:
        Complexity: What was counted.
    """
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    model = MODELS.build(cfg.model).eval()
    return count(model, shape or default_shape(cfg))


def default_shape(cfg: Config) -> tuple[int, int]:
    """Returns the image size (height, width) that a config's backbone is made for."""
    size = cfg.model.get('backbone', {}).get('img_size', 224)
    height, width = (size, size) if isinstance(size, int) else size
    return height, width


def count(model: BaseModel, shape: tuple[int, int]) -> Complexity:
    """Measures one forward pass of a model that is in evaluation mode.

    Args:
        model: A model of any of the libraries, with its data preprocessor.
        shape: Height and width of the image in pixels.

    Returns:
        Complexity: What was counted.
    """
    data = model.data_preprocessor(_make_batch(shape), training=False)
    counter, touched = FlopCounterMode(display=False), _TouchedStorages()
    with torch.no_grad(), _countable_attention(), counter, touched:
        model(**data, mode='tensor')

    used = {id(p): p for p in model.parameters() if _storage(p) in touched.storages}
    total = sum(parameter.numel() for parameter in model.parameters())
    params = sum(parameter.numel() for parameter in used.values())
    return Complexity(
        shape=tuple(data['inputs'].shape[-2:]),
        params=params,
        training_params=total - params,
        macs=counter.get_total_flops() // 2,
        macs_by_part=_split_by_part(counter, model),
    )


def _make_batch(shape: tuple[int, int]) -> dict:
    image = torch.zeros(3, *shape, dtype=torch.uint8)
    # DETR-like models ask the sample where the image ends and the padding starts.
    sample = BaseDataElement(metainfo=dict(img_shape=shape, ori_shape=shape))
    return dict(inputs=[image], data_samples=[sample])


def _split_by_part(counter: FlopCounterMode, model: nn.Module) -> dict[str, int]:
    flops = counter.get_flop_counts()
    root = type(model).__name__
    parts = {name: flops.get(f'{root}.{name}', {}) for name, _ in model.named_children()}
    return {name: sum(ops.values()) // 2 for name, ops in parts.items() if ops}


@contextmanager
def _countable_attention() -> Iterator[None]:
    """Keeps attention out of fused kernels, which the counter cannot look into."""
    fastpath = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fastpath)


class _TouchedStorages(TorchDispatchMode):
    """Notes the memory that operations read, and so which parameters were used.

    Hooks would not do: attention and queries are used without a call of the module
    that holds them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.storages: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for value in tree_iter((args, kwargs)):
            if isinstance(value, torch.Tensor):
                self.storages.add(_storage(value))
        return func(*args, **kwargs)


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
