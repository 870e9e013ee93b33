r"""Compiles the kernels of attention='fused' for GPUs that need not be there.

Prints for each kernel what a thread holds in registers and what of it is spilled to
memory (which is slow), and what a program holds in shared memory; ends with status 1 if
anything is spilled.

Example:
  python tools/analysis_tools/compile_kernels.py --archs 80 90 --dtypes bf16 fp32
"""

import argparse
import re
import subprocess
import sys
import tempfile
from inspect import signature
from pathlib import Path
from unittest.mock import patch

import torch
import triton
from rich.console import Console
from rich.table import Table
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

# The reproduction is a project of the clone, and not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reproduction.benchmark.subjects import DTYPES  # noqa: E402
from wwt_mm.backbone import WhatWhereTransformer, fused_attention  # noqa: E402
from wwt_mm.engine.cli import run_tool  # noqa: E402

KERNELS = [name for name in vars(fused_attention) if name.endswith('_kernel')]
TYPES = {
    torch.float32: '*fp32',
    torch.float16: '*fp16',
    torch.bfloat16: '*bf16',
    torch.bool: '*i1',
}


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    sizes = WhatWhereTransformer.arch_zoo
    add('--models', nargs='+', choices=sizes, default=['tiny', 'small', 'base'])
    add('--slots', nargs='+', type=int, default=[64])
    add('--dtypes', nargs='+', choices=DTYPES, default=['bf16'])
    add('--archs', nargs='+', type=int, default=[80, 90], help='80: A100, 90: H100')
    return parser.parse_args()


def main() -> None:
    """Compiles and reports."""
    args = parse_args()
    table = Table('model', 'slots', 'dtype', 'sm', 'kernel')
    for column in 'registers', 'spilled', 'shared, KiB':
        table.add_column(column, justify='right')
    spilled = 0
    for model in args.models:
        sizes = WhatWhereTransformer.arch_zoo[model]
        for slots in args.slots:
            for dtype in args.dtypes:
                calls = launches(sizes, slots, DTYPES[dtype] or torch.float32)
                for arch in args.archs:
                    for name, call in calls.items():
                        registers, spill, shared = compiled(name, *call, arch)
                        spilled += spill
                        row = model, slots, dtype, arch, name.removesuffix('_kernel')
                        row += registers, spill, f'{shared / 1024:.0f}'
                        table.add_row(*map(str, row))
    Console().print(table)
    sys.exit(spilled > 0)


def launches(sizes: dict, slots: int, dtype: torch.dtype) -> dict:
    """What each kernel is launched with, by its name, as (arguments, options)."""
    dims, heads, batch, tokens = sizes['embed_dims'], sizes['num_heads'], 64, 1024
    calls = {}

    class Recorder:
        def __init__(self, name):
            self.name = name

        def __getitem__(self, grid):
            return lambda *args, **options: calls.update({self.name: (args, options)})

    def empty(*shape):
        return torch.empty(shape, dtype=dtype, device='meta')

    x = empty(batch, tokens, dims)
    keys = empty(batch, heads, slots, dims)
    masks = empty(batch, tokens, heads * slots)
    values = empty(batch, slots, 2, heads, dims // heads)[:, :, 1]
    padding = torch.empty(batch, tokens, dtype=torch.bool, device='meta')
    log_sum = torch.empty(heads, batch, slots, device='meta')
    with patch.multiple(fused_attention, **{name: Recorder(name) for name in KERNELS}):
        with patch.object(fused_attention, '_check'):
            inputs = x, keys, keys[..., 0], masks, values, padding, False
            fused_attention.attend._init_fn(*inputs)
            saved = x, keys, values, padding, masks, keys, log_sum
            fused_attention.attend_backward._init_fn(masks, x, keys, *saved)
    return calls


def compiled(name: str, args: tuple, options: dict, arch: int) -> tuple[int, int, int]:
    """Registers, bytes of stack and bytes of shared memory of a kernel."""
    kernel = getattr(fused_attention, name)
    options = dict(options)
    settings = {k: options.pop(k) for k in ('num_warps', 'num_stages') if k in options}
    types, aligned = {}, {}
    for index, (key, arg) in enumerate(zip(signature(kernel.fn).parameters, args)):
        types[key] = TYPES[arg.dtype] if isinstance(arg, torch.Tensor) else 'i32'
        if isinstance(arg, torch.Tensor) or arg % 16 == 0:
            aligned[(index,)] = [['tt.divisibility', 16]]
    types |= dict.fromkeys(options, 'constexpr')
    source = ASTSource(kernel, types, options, aligned)
    binary = triton.compile(source, GPUTarget('cuda', arch, 32), settings)
    with tempfile.NamedTemporaryFile(suffix='.cubin') as file:
        file.write(binary.asm['cubin'])
        file.flush()
        tool = triton.knobs.nvidia.cuobjdump.path
        command = [tool, '--dump-resource-usage', file.name]
        usage = subprocess.run(command, check=True, capture_output=True, text=True)
    found = dict(re.findall(r'(REG|STACK|LOCAL):(\d+)', usage.stdout))
    return int(found['REG']), int(found['STACK']), binary.metadata.shared


if __name__ == '__main__':
    run_tool(main)
