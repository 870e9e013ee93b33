"""Peak memory of one run: of the CUDA allocator, or of a process of its own."""

import ctypes
import dataclasses
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch

from .subjects import Settings, build_subject


def peak_memory(name: str, mode: str, settings: Settings) -> int:
    """Peak memory of a subject beyond its weights and images, in bytes.

    What a training step allocates for gradients and for AdamW counts.

    Args:
        name: As for :func:`build_subject`.
        mode: ``'forward'`` or ``'train'``.
        settings: How it is run.

    Returns:
        Bytes. On a CPU it is the resident set of a fresh process, which reuses nothing
        that an earlier measurement has left.
    """
    if torch.device(settings.device).type == 'cuda':
        return _cuda_peak(name, mode, settings)
    arguments = (name, mode, settings, torch.get_num_threads())
    with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:
        return pool.submit(_resident_peak, *arguments).result()


def _cuda_peak(name: str, mode: str, settings: Settings) -> int:
    subject = build_subject(name, settings)
    torch.cuda.reset_peak_memory_stats(settings.device)
    before = torch.cuda.memory_allocated(settings.device)
    _run(subject, mode)
    return torch.cuda.max_memory_allocated(settings.device) - before


def _resident_peak(name: str, mode: str, settings: Settings, threads: int) -> int:
    torch.set_num_threads(threads)
    # Libraries take memory of their own when first used; a small image has them do it.
    small = dataclasses.replace(settings, size=64, batch_size=1)
    _run(build_subject(name, small), mode)
    subject = build_subject(name, settings)
    ctypes.CDLL(None).malloc_trim(0)  # else the run would reuse what lies about
    _reset_high_water_mark()
    before = _status('VmRSS')
    _run(subject, mode)
    return _status('VmHWM') - before


def _run(subject, mode: str) -> None:
    subject.forward() if mode == 'forward' else subject.step()


def _reset_high_water_mark() -> None:
    with open('/proc/self/clear_refs', 'w') as file:
        file.write('5')


def _status(key: str) -> int:
    """A line of Linux's account of this process, in bytes."""
    with open('/proc/self/status') as file:
        for line in file:
            if line.startswith(key + ':'):
                return 1024 * int(line.split()[1])
    raise OSError(f'/proc/self/status has no {key}')
