"""Peak memory of one run: of the CUDA allocator, or of a process of its own."""

import ctypes
import dataclasses
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch

from .subjects import Settings, build_subject

# Of glibc's malloc.h. By default both grow while a program runs, and with them what it
# keeps of freed memory: some 300 MB here, by chance.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def peak_memory(name: str, mode: str, settings: Settings) -> int:
    """Peak memory of a subject beyond its weights and images, in bytes.

    What a training step allocates for gradients and for AdamW counts.

    Args:
        name: As for :func:`build_subject`.
        mode: ``'forward'`` or ``'train'``.
        settings: How it is run.

    Returns:
        Bytes. On a CPU it is the resident set of a fresh process, whose allocator
        returns what is freed at once, so that only what is in use counts.
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
    libc = ctypes.CDLL(None)
    for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
        libc.mallopt(parameter, 2**20)
    # Libraries take memory of their own when first used; a small image has them do it.
    small = dataclasses.replace(settings, size=64, batch_size=1)
    _run(build_subject(name, small), mode)
    subject = build_subject(name, settings)
    libc.malloc_trim(0)  # else the run would reuse what lies about
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
