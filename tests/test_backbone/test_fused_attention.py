"""The Triton kernels against PyTorch's operations, on a CPU by Triton's interpreter."""

import importlib
import subprocess
import sys
from os import environ
from pathlib import Path

import numpy as np
import pytest
import torch

from wwt_mm.backbone import WhatWhereBlock, WhatWhereTransformer, fused_attention
from wwt_mm.backbone.block import MutualAttention
from wwt_mm.errors import ConfigError

tl = pytest.importorskip('triton.language')
ROOT = Path(__file__).parents[2]
DEVICE = 'cpu' if fused_attention.INTERPRETED else 'cuda'
on_gpus = pytest.mark.gpu if DEVICE == 'cuda' else lambda test: test  # `make gpu`, too


@pytest.fixture(autouse=True)
def _multiply_bfloat16(monkeypatch):
    """The interpreter keeps bfloat16 as integers, and multiplies those."""
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    multiply = InterpreterBuilder.create_dot

    def as_float(x):
        if x.dtype.scalar != tl.bfloat16:
            return x
        bits = x.data.view(np.uint16).astype(np.uint32) << 16
        return TensorHandle(bits.view(np.float32), tl.float32)

    monkeypatch.setattr(
        InterpreterBuilder,
        'create_dot',
        lambda self, a, b, *rest: multiply(self, as_float(a), as_float(b), *rest),
    )


@pytest.fixture
def no_interpreter(monkeypatch):
    monkeypatch.setattr(fused_attention, 'INTERPRETED', False)


def make_inputs(batch, tokens, heads, slots, channels, dtype=torch.float32):
    """Tokens, keys, shift, masks and values, as the block lays them out."""
    torch.manual_seed(0)
    dims = heads * channels
    keys = torch.randn(heads, batch, slots, dims).transpose(0, 1) / dims**0.5
    values = torch.randn(batch, slots, 2, heads, channels)[:, :, 1]
    inputs = (
        torch.randn(batch, tokens, dims),
        keys,
        torch.randn(batch, heads, slots),
        torch.randn(batch, tokens, heads * slots),
        values,
    )
    return [x.to(DEVICE, dtype).requires_grad_() for x in inputs]


def make_padding(batch, tokens):
    padding = torch.zeros(batch, tokens, dtype=torch.bool, device=DEVICE)
    padding[0, tokens // 3 :] = True
    return padding


def run(attend, inputs, masks=True, padding=None, slots_only=False):
    """Outputs and all gradients of a random weighting of them."""
    tokens, keys, shift, all_masks, values = inputs
    some_masks = all_masks if masks else None
    outputs = attend(tokens, keys, shift, some_masks, values, padding, slots_only)[:3]
    outputs = [x for x in outputs if x is not None and x.numel()]
    torch.manual_seed(1)
    weights = [torch.randn(x.shape).to(x) for x in outputs]
    wanted = [x for x in inputs if not (x is all_masks and not masks)]
    wanted = [x for x in wanted if not (x is values and slots_only)]
    return *outputs, *torch.autograd.grad(outputs, wanted, weights)


def eager(heads, channels):
    """What block.py does, which test_block.py holds against loops."""
    return MutualAttention(heads * channels, heads).to(DEVICE).attend


SIZES = [  # images, tokens, heads, slots, channels of a head
    (1, 70, 3, 64, 64),
    (1, 33, 4, 16, 32),
    (1, 100, 1, 128, 16),
    (1, 20, 6, 16, 16),
    (1, 20, 12, 16, 16),
]


@on_gpus
@pytest.mark.parametrize('sizes', SIZES)
def test_kernels_equal_pytorchs_operations_and_their_gradients(sizes):
    inputs = make_inputs(*sizes)
    exact = [x.detach().double().requires_grad_() for x in inputs]
    got = run(fused_attention.attend, inputs)
    for g, w in zip(got, run(eager(sizes[2], sizes[4]), exact), strict=True):
        assert (g.double() - w).norm() < 1e-6 * w.norm()


@pytest.mark.parametrize(
    'masks, padded, slots_only',
    [(0, 0, 0), (1, 1, 0), (1, 0, 1), (0, 1, 1)],
)
def test_kernels_do_without_masks_with_padding_and_for_slots_only(
    masks, padded, slots_only
):
    inputs = make_inputs(2, 40, 2, 16, 16)
    padding = make_padding(2, 40) if padded else None
    case = dict(masks=bool(masks), padding=padding, slots_only=bool(slots_only))
    exact = [x.detach().double().requires_grad_() for x in inputs]
    got = run(fused_attention.attend, inputs, **case)
    for g, w in zip(got, run(eager(2, 16), exact, **case), strict=True):
        assert (g.double() - w).norm() < 1e-6 * w.norm()


@pytest.mark.parametrize('programs', [1, 10_000])
def test_shares_of_the_tokens_are_joined(programs, monkeypatch):
    """Few or many: also one that holds nothing but padding."""
    monkeypatch.setattr(fused_attention, 'ENOUGH_PROGRAMS', programs)
    shares = fused_attention.cut_tokens(200, 1, 32)[0]
    assert shares == (1 if programs == 1 else 4)
    inputs, padding = make_inputs(1, 200, 1, 16, 16), make_padding(1, 200)
    exact = [x.detach().double().requires_grad_() for x in inputs]
    got = run(fused_attention.attend, inputs, padding=padding)
    for g, w in zip(got, run(eager(1, 16), exact, padding=padding), strict=True):
        assert (g.double() - w).norm() < 1e-6 * w.norm()


@on_gpus
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_halves_are_as_precise_as_pytorchs(dtype):
    inputs = make_inputs(1, 70, 2, 16, 32, dtype)
    exact = [x.detach().double().requires_grad_() for x in inputs]
    attn = MutualAttention(64, 2).to(DEVICE, dtype)
    results = run(fused_attention.attend, inputs), run(attn.attend, inputs)
    for got, other, want in zip(*results, run(eager(2, 32), exact), strict=True):
        assert got.dtype == dtype
        error, others = ((x.double() - want).norm() / want.norm() for x in (got, other))
        assert error < 2 * others + 1e-4  # Triton's interpreter rounds towards zero


def make_blocks(drop_path_rate=0.0):
    """A block by PyTorch's operations, and one with the same weights by kernels."""
    blocks = []
    for attention in 'auto', 'fused':
        torch.manual_seed(0)
        options = dict(drop_path_rate=drop_path_rate, attention=attention)
        block = WhatWhereBlock(32, 2, 16, (2, 3, 1.5), **options)
        for parameter in block.parameters():  # norms and biases that do something
            torch.nn.init.normal_(parameter, std=0.2)
        blocks.append(block.to(DEVICE))
    return blocks


def block_inputs():
    torch.manual_seed(1)
    shapes = (1, 40, 32), (1, 16, 32), (1, 40, 32)
    return [torch.randn(shape, device=DEVICE).requires_grad_() for shape in shapes]


def outputs_and_gradients(block, original, inputs, **options):
    outputs = block(*inputs, **options)
    loss = sum(x.float().square().sum() for x in outputs if x is not None)
    wanted = [*inputs, *original.parameters()]
    gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
    return *outputs, *gradients


@pytest.mark.parametrize('slots_only', [False, True])
def test_blocks_with_kernels_equal_blocks_without(slots_only):
    plain, fused = make_blocks()
    results = (
        outputs_and_gradients(block, block, block_inputs(), slots_only=slots_only)
        for block in (fused, plain)
    )
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)


def test_compiled_blocks_with_kernels_are_one_graph_and_equal():
    _, block = make_blocks()
    compiled = torch.compile(block, backend='aot_eager', fullgraph=True)
    results = (
        outputs_and_gradients(each, block, block_inputs()) for each in (compiled, block)
    )
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_shapes_strides_and_gradients_are_what_compilers_are_told():
    arguments = make_inputs(1, 20, 2, 16, 16)
    torch.library.opcheck(fused_attention.attend, (*arguments, None, False))


def test_under_autocast_kernels_compute_in_halves():
    plain, fused = make_blocks()
    with torch.autocast(DEVICE, torch.bfloat16):
        got, want = fused(*block_inputs()), plain(*block_inputs())
    assert [x.dtype for x in got] == [x.dtype for x in want]
    for g, w in zip(got, want):
        assert (g - w).norm() < 0.02 * w.norm()


def test_the_option_reaches_the_blocks_and_defaults_to_pytorch():
    sizes = dict(embed_dims=32, num_layers=2, num_heads=2)
    for attention, fused in ('auto', False), ('eager', False), ('fused', True):
        model = WhatWhereTransformer(sizes, num_slots=16, attention=attention)
        assert all(block.attn.fused is fused for block in model.blocks)
    with pytest.raises(ConfigError, match="attention='flash' is unknown"):
        WhatWhereTransformer(sizes, attention='flash')


def test_tensors_on_a_cpu_are_refused(no_interpreter):
    inputs = [x.cpu() for x in make_inputs(1, 20, 1, 16, 16)]
    with pytest.raises(ConfigError, match="needs a GPU.*on cpu: choose attention='ea"):
        fused_attention.attend(*inputs, None, False)


@pytest.mark.parametrize('slots, channels', [(7, 16), (48, 16), (16, 8)])
def test_sizes_that_kernels_cannot_have_are_refused(slots, channels):
    inputs = make_inputs(1, 20, 1, slots, channels)
    with pytest.raises(ConfigError, match=f'not {slots}, .* not {channels}: choose'):
        fused_attention.attend(*inputs, None, False)


def test_doubles_are_refused():
    inputs = make_inputs(1, 20, 1, 16, 16, torch.float64)
    with pytest.raises(ConfigError, match='cannot compute in torch.float64'):
        fused_attention.attend(*inputs, None, False)


def test_without_triton_the_option_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, 'triton', None)
    monkeypatch.delitem(sys.modules, 'wwt_mm.backbone.fused_attention')
    with pytest.raises(ConfigError, match="needs triton.*choose attention='eager'"):
        importlib.import_module('wwt_mm.backbone.fused_attention')


def test_kernels_compile_for_gpus_without_spills():
    command = [sys.executable, 'tools/analysis_tools/compile_kernels.py']
    result = subprocess.run(
        [*command, '--models', 'tiny', '--archs', '80', '90'],
        cwd=ROOT,
        env={**environ, 'TRITON_INTERPRET': '0'},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count('grad_') == 6
