"""What a GPU is asked to do, counted on one that is not there."""

from collections import Counter

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import Parameter
from torch.utils._python_dispatch import TorchDispatchMode

from wwt_mm.backbone import WhatWhereTransformer


class Launches(TorchDispatchMode):
    """Counts operations, but those that only look at a tensor in another way."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        names = function.overloadpacket.__name__
        free = function.is_view or function.namespace == 'prim' or 'empty' in names
        if not free and names != '_unsafe_view':
            self.counts[names] += 1
        return function(*args, **kwargs or {})


@pytest.fixture
def bfloat16():
    """The autocast of GPUs; ``torch.autocast`` refuses it where there is none."""
    torch.set_autocast_enabled('cuda', True)
    torch.set_autocast_dtype('cuda', torch.bfloat16)
    yield
    torch.set_autocast_enabled('cuda', False)
    torch.clear_autocast_cache()


def launches_of_a_forward_pass(model):
    """With real shapes and dtypes and CUDA's lists for autocast, but no numbers."""
    with FakeTensorMode() as fake, torch.no_grad():
        for module in model.modules():
            for store in module._parameters, module._buffers:
                for name, value in store.items():
                    if value is not None:
                        value = fake.from_tensor(value).to('cuda')
                        is_parameter = store is module._parameters
                        store[name] = Parameter(value) if is_parameter else value
        with Launches() as launches:
            model.eval()(torch.empty(8, 3, 224, 224, device='cuda'))
    return launches.counts


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize('attention, operations', [('eager', 55), ('fused', 46)])
def test_a_block_casts_once_and_starts_few_operations(bfloat16, attention, operations):
    """Cast are the results of 4 norms, and weights and biases of 8 linear layers."""
    two, three = (
        launches_of_a_forward_pass(
            WhatWhereTransformer(
                dict(embed_dims=192, num_layers=layers, num_heads=3),
                attention=attention,
            )
        )
        for layers in (2, 3)
    )
    assert (three - two)['_to_copy'] == 4 + 2 * 8
    assert (three - two).total() <= operations
