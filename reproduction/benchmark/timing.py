"""Times of several models in alternating rounds, so that all share the weather."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from .subjects import DTYPES, Settings, Subject

MODES = ('forward', 'train')
_MATRIX = 2048


@dataclass
class Timing:
    """Seconds of one subject in one mode, a number for each round.

    Attributes:
        name: The subject.
        mode: ``'forward'`` or ``'train'``.
        settings: How it was run.
        macs: Multiply-accumulates of the forward pass for one image.
        seconds: Of a batch, by round.
        memory: Peak memory in bytes, if it was measured.
    """

    name: str
    mode: str
    settings: Settings
    macs: int
    seconds: list[float] = field(default_factory=list)
    memory: int | None = None

    @property
    def median(self) -> float:
        """Median seconds of a batch."""
        return float(np.median(self.seconds))

    @property
    def images_per_second(self) -> float:
        """Images in a second, by the median."""
        return self.settings.batch_size / self.median

    def ratio_to(self, reference: 'Timing') -> tuple[float, float, float]:
        """Times as fast as the reference, round by round.

        Returns:
            The median of the rounds' ratios, and their quartiles.
        """
        ratios = np.divide(reference.seconds, self.seconds)
        low, middle, high = np.percentile(ratios, (25, 50, 75))
        return float(middle), float(low), float(high)

    def share_of(self, rate: float) -> float:
        """Share of the machine's rate of products that the pass reaches.

        A backward pass is counted as two forward ones.
        """
        passes = 1 if self.mode == 'forward' else 3
        return passes * self.macs * self.images_per_second / rate


def time_subjects(
    subjects: Sequence[Subject],
    modes: Sequence[str] = MODES,
    rounds: int = 11,
    advance: Callable[[], None] = lambda: None,
) -> list[Timing]:
    """Time subjects in alternating rounds, after one to warm up.

    Args:
        subjects: What to time; all of the same settings.
        modes: What to time of each.
        rounds: How often.
        advance: Called after each subject of each round, for a progress bar.

    Returns:
        A timing for each subject and mode.
    """
    timings = []
    for subject in subjects:
        macs = subject.macs()
        for mode in modes:
            if mode == 'forward' or subject.trains:
                run = subject.forward if mode == 'forward' else subject.step
                timing = Timing(subject.name, mode, subject.settings, macs)
                timings.append((run, timing))
    for index in range(rounds + 1):
        for run, timing in timings:
            seconds = _time(run, timing.settings.device)
            if index:  # the first warms up: compilation, caches, allocator
                timing.seconds.append(seconds)
            advance()
    return [timing for _, timing in timings]


def machine_rate(settings: Settings, repeat: int = 5) -> float:
    """Multiply-accumulates a second of a large matrix product, the best of a few."""
    dtype = DTYPES[settings.dtype] or torch.float32
    matrix = torch.randn(_MATRIX, _MATRIX, device=settings.device, dtype=dtype)
    seconds = [
        _time(lambda: matrix @ matrix, settings.device) for _ in range(repeat + 1)
    ]
    return _MATRIX**3 / min(seconds[1:])


def _time(run: Callable[[], object], device: str) -> float:
    _wait_for(device)
    start = time.perf_counter()
    run()
    _wait_for(device)
    return time.perf_counter() - start


def _wait_for(device: str) -> None:
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize(device)
