r"""Shows in nine minutes what a GPU does with wwt_mm: right, fast, and how fast.

Stages, each a process with a limit of its own:
  environment  versions, the card, its rates of products and copies
  equality     losses and gradients of three models against float32 on the CPU
  determinism  the same gradients twice with deterministic kernels, or what has none
  launches     kernels, their time and host waits of passes and steps, beside DeiT
  train        200 iterations of wwt_det_voc07 with --amp; who makes the host wait
  distributed  tools/dist_train.sh in one process: NCCL, DDP, SyncBN
  tests        what is marked `gpu`
  benchmark    time and memory beside timm's DeiT-Tiny, bfloat16
  fused        the same with the kernel of wwt_mm/backbone/fused_attention.py
  compiled     the same with blocks through torch.compile

Results are in OUT: summary.json, and what each stage printed in STAGE.log. It ends with
status 1 if a stage failed. Without a GPU, --device cpu rehearses all of it on small
sizes, in about a minute.

A machine without a network needs a copy of this repository and a folder of wheels: see
tools/gpu_machine.sh.
"""

import argparse
import json
import multiprocessing
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

import gpu_stages
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
# Seconds at most; what is left of all goes to the last.
LIMITS = dict(
    environment=30,
    equality=80,
    determinism=40,
    launches=90,
    train=100,
    distributed=60,
    tests=60,
    benchmark=100,
    fused=80,
    compiled=300,
)


def main() -> None:
    """Runs stages, prints a summary and writes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--device', choices=('cuda', 'cpu'), default='cuda')
    parser.add_argument('--only', nargs='+', choices=LIMITS, default=list(LIMITS))
    parser.add_argument('--seconds', type=float, default=530, help='for all stages')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/check_gpu'))
    args = parser.parse_args()
    args.out = args.out.resolve()
    args.out.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ['PYTHONPATH'] = f'{ROOT}:{os.environ.get("PYTHONPATH", "")}'
    if args.device == 'cpu':
        os.environ.update(CUDA_VISIBLE_DEVICES='', TORCH_COMPILE_DISABLE='1')
    # A library may touch the GPU when imported, and then a fork of it must not.
    kind = 'spawn' if args.device == 'cuda' else 'forkserver'
    context = multiprocessing.get_context(kind)
    if kind == 'forkserver':
        preloaded = ['reproduction.benchmark', 'mmdet.apis', 'mmseg.apis']
        context.set_forkserver_preload(preloaded)
    end = time.monotonic() + args.seconds
    summary = {}
    for name in args.only:
        limit = LIMITS[name] * (10 if args.device == 'cpu' else 1)
        limit = min(limit, end - time.monotonic())
        summary[name] = _run(context, name, limit, args)
        text = json.dumps(dict(device=args.device, stages=summary), indent=1)
        (args.out / 'summary.json').write_text(text)
    _print(summary)
    sys.exit(any(stage['status'] != 'passed' for stage in summary.values()))


def _run(context, name: str, limit: float, args: argparse.Namespace) -> dict:
    """Runs a stage in a process, which it ends, with all its children, at the limit."""
    print(f'{name}, at most {limit:.0f} s ...', flush=True)
    rows = args.out / f'{name}.jsonl'
    rows.unlink(missing_ok=True)
    begin = time.monotonic()
    process = context.Process(target=_enter, args=(name, args.device, args.out))
    process.start()
    process.join(max(limit, 0))
    status = 'passed' if process.exitcode == 0 else 'failed'
    if process.exitcode is None:
        status = f'stopped at its limit of {limit:.0f} s'
        with suppress(ProcessLookupError):  # it has not come to have a group
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
    lines = rows.read_text().splitlines() if rows.exists() else []
    found = [json.loads(line) for line in lines]
    if any(row.get('ok') is False for row in found):
        status = 'failed'
    return dict(status=status, seconds=round(time.monotonic() - begin, 1), rows=found)


def _enter(name: str, device: str, out: Path) -> None:
    """Is a stage: writes each row as soon as it is known, what it prints to a log."""
    os.setsid()
    log = os.open(out / f'{name}.log', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    with open(out / f'{name}.jsonl', 'w', buffering=1) as file:
        try:
            import wwt_mm  # noqa: F401  prepares what the libraries import

            for row in gpu_stages.STAGES[name](device, out):
                file.write(json.dumps(row) + '\n')
        except Exception as error:
            traceback.print_exc()
            line = f'{type(error).__name__}: {error}'.splitlines()[0]
            file.write(json.dumps(dict(ok=False, error=line)) + '\n')
            sys.exit(1)


def _print(summary: dict) -> None:
    table = Table(title='wwt_mm on this machine')
    for column in ('stage', 'status', 's', 'what was found'):
        table.add_column(column)
    for name, stage in summary.items():
        rows = [
            ' '.join(f'{k}={_short(v)}' for k, v in r.items()) for r in stage['rows']
        ]
        cells = stage['status'], f'{stage["seconds"]:.0f}', '\n'.join(rows)
        table.add_row(name, *cells, end_section=True)
    Console(width=200).print(table)


def _short(value: object) -> str:
    return f'{value:.4g}' if isinstance(value, float) else str(value)


if __name__ == '__main__':
    main()
