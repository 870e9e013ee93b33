"""Parameters and multiply-accumulates of what a config does to one image."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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

from wwt_mm.deployment.onnx_export import default_shape


@dataclass(frozen=True)
class Cost:
    """What a model, or a part of it, takes at inference.

    Attributes:
        params: Parameters that inference uses.
        macs: Multiply-accumulates of matrix products, convolutions and attention. One
            of them is two floating-point operations; many papers, ours among them, call
            them FLOPs. Norms, activations and sums are not counted.
    """

    params: int
    macs: int


@dataclass(frozen=True)
class Complexity:
    """What inference on one image takes.

    Attributes:
        shape: Height and width of the image, padded as the model pads it, in pixels.
        total: Cost of the whole model.
        parts: Cost of its children, by name. What is done outside them is in ``total``
            only.
        training_params: Parameters that inference does not use, as those of a head
            that only adds a loss in training.
    """

    shape: tuple[int, int]
    total: Cost
    parts: dict[str, Cost]
    training_params: int


def measure_complexity(cfg: Config, shape: tuple[int, int] | None = None) -> Complexity:
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
    model = MODELS.build(cfg.model).eval().requires_grad_(False)
    return count(model, shape or default_shape(cfg))


def count(model: BaseModel, shape: tuple[int, int]) -> Complexity:
    """Measures one forward pass of a model.

    Args:
        model: A model of any of the libraries, with its data preprocessor; in
            evaluation mode and without gradients.
        shape: Height and width of the image in pixels.

    Returns:
        Complexity: What was counted.
    """
    data = model.data_preprocessor(_make_batch(shape), training=False)
    counter, touched = FlopCounterMode(display=False), _TouchedStorages()
    with ExitStack() as stack:
        macs_by_part = {
            name: stack.enter_context(_count_calls(part, counter))
            for name, part in model.named_children()
        }
        for context in (torch.no_grad(), _countable_attention(), counter, touched):
            stack.enter_context(context)
        model(**data, mode='tensor')

    used = {id(p) for p in model.parameters() if _storage(p) in touched.storages}
    total = Cost(_count_params(model, used), counter.get_total_flops() // 2)
    parts = {
        name: Cost(_count_params(part, used), sum(macs_by_part[name]))
        for name, part in model.named_children()
    }
    return Complexity(
        shape=tuple(data['inputs'].shape[-2:]),
        total=total,
        parts={name: part for name, part in parts.items() if part != Cost(0, 0)},
        training_params=sum(p.numel() for p in model.parameters()) - total.params,
    )


def count_macs(function: Callable[[], object]) -> int:
    """Counts the multiply-accumulates of a call, attention's included."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), _countable_attention(), counter:
        function()
    return counter.get_total_flops() // 2


@contextmanager
def _count_calls(part: nn.Module, counter: FlopCounterMode) -> Iterator[list[int]]:
    """Lists the MACs of each forward pass of a part, as they happen.

    The counter's own division by module misses what mmdet runs as ``head.forward()``.
    """
    forward, macs = part.forward, []

    def counted(*args, **kwargs):
        before = counter.get_total_flops()
        result = forward(*args, **kwargs)
        macs.append((counter.get_total_flops() - before) // 2)
        return result

    part.forward = counted
    try:
        yield macs
    finally:
        del part.forward


def _count_params(module: nn.Module, used: set[int]) -> int:
    return sum(p.numel() for p in module.parameters() if id(p) in used)


def _make_batch(shape: tuple[int, int]) -> dict:
    image = torch.zeros(3, *shape, dtype=torch.uint8)
    # DETR-like models ask the sample where the image ends and the padding starts.
    sample = BaseDataElement(metainfo=dict(img_shape=shape, ori_shape=shape))
    return dict(inputs=[image], data_samples=[sample])


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
