"""Tables, curves and JSON of a benchmark."""

import dataclasses
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from .timing import Timing


def print_tables(
    timings: Sequence[Timing], reference: str, rate: float, console: Console
) -> None:
    """Print a table for each image size and mode.

    Args:
        timings: What was measured.
        reference: Name of the subject that ratios refer to.
        rate: Multiply-accumulates a second of the machine.
        console: Where to print.
    """
    for (size, mode), group in groupby(_ordered(timings), _size_and_mode):
        group = list(group)
        settings = group[0].settings
        table = Table(
            title=f'{mode}, {settings.batch_size} x {size} x {size}, {settings.dtype}, '
            f'{settings.device}{", compiled" if settings.compile else ""}'
        )
        table.add_column('model')
        for title in ('images/s', 'ratio', 'quartiles', 'GMACs', 'of peak', 'peak MB'):
            table.add_column(title, justify='right')
        base = next((t for t in group if t.name == reference), group[0])
        for timing in group:
            ratio, low, high = timing.ratio_to(base)
            memory = '' if timing.memory is None else f'{timing.memory / 2**20:.0f}'
            table.add_row(
                Path(timing.name).stem,
                _three_digits(timing.images_per_second),
                f'{ratio:.2f}',
                f'{low:.2f} to {high:.2f}',
                f'{timing.macs / 1e9:.2f}',
                f'{100 * timing.share_of(rate):.0f} %',
                memory,
            )
        console.print(table)


def _three_digits(images_per_second: float) -> str:
    """Three digits, also of a model that takes minutes for an image."""
    digits = '.1f' if images_per_second >= 10 else '#.3g'
    return f'{images_per_second:{digits}}'


def print_slopes(timings: Sequence[Timing], console: Console) -> None:
    """Print how time grows with pixels, where more than one size was measured.

    Args:
        timings: What was measured.
        console: Where to print.
    """
    for name, mode, slope in slopes(timings):
        console.print(f'{Path(name).stem}, {mode}: time grows as pixels^{slope:.2f}')


def slopes(timings: Sequence[Timing], smallest: int = 512) -> list[tuple]:
    """Slopes of log time an image on log pixels, from ``smallest`` pixels a side on.

    Returns:
        ``(name, mode, slope)`` of each subject and mode that has two sizes or more.
    """
    result = []
    key = _name_and_mode
    for (name, mode), group in groupby(sorted(timings, key=key), key):
        large = [t for t in group if t.settings.size >= smallest]
        if len({t.settings.size for t in large}) > 1:
            pixels = np.log([t.settings.size**2 for t in large])
            seconds = np.log([1 / t.images_per_second for t in large])
            result.append((name, mode, float(np.polyfit(pixels, seconds, 1)[0])))
    return result


def draw_curves(timings: Sequence[Timing], path: Path) -> None:
    """Draw time, and memory if measured, of an image against its size.

    Args:
        timings: What was measured.
        path: Picture to write.
    """
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    modes = sorted({t.mode for t in timings})
    kinds = ['milliseconds'] + ['MB'] * any(t.memory is not None for t in timings)
    figure, axes = plt.subplots(
        len(kinds), len(modes), figsize=(5 * len(modes), 4 * len(kinds)), squeeze=False
    )
    for column, mode in enumerate(modes):
        for row, kind in enumerate(kinds):
            axis = axes[row][column]
            _draw(axis, [t for t in timings if t.mode == mode], kind)
            axis.set(title=mode, xlabel='image size in pixels', ylabel=f'{kind}/image')
    axes[0][0].legend(fontsize='small')
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw(axis, timings: Sequence[Timing], kind: str) -> None:
    for name, group in groupby(sorted(timings, key=_name_and_mode), _name):
        group = sorted(group, key=_size)
        if kind == 'MB':
            group = [t for t in group if t.memory is not None]
            values = [t.memory / 2**20 / t.settings.batch_size for t in group]
        else:
            values = [1000 / t.images_per_second for t in group]
        axis.plot([_size(t) for t in group], values, 'o-', label=Path(name).stem)
    axis.set_xscale('log', base=2)
    sizes = sorted({_size(t) for t in timings})
    axis.set_xticks(sizes, [str(size) for size in sizes])
    axis.set_yscale('log')
    axis.grid(alpha=0.3)


def to_json(timings: Sequence[Timing], reference: str, rate: float) -> dict:
    """Everything that was measured, for other programs.

    Args:
        timings: What was measured.
        reference: Name of the subject that ratios refer to.
        rate: Multiply-accumulates a second of the machine.

    Returns:
        A dict that ``json`` can write.
    """
    rows = []
    for (_, _), group in groupby(_ordered(timings), _size_and_mode):
        group = list(group)
        base = next((t for t in group if t.name == reference), group[0])
        for timing in group:
            rows.append(
                dataclasses.asdict(timing)
                | dict(
                    images_per_second=timing.images_per_second,
                    ratio=timing.ratio_to(base),
                    share_of_peak=timing.share_of(rate),
                )
            )
    names = ('name', 'mode', 'slope')
    return dict(
        reference=reference,
        macs_per_second=rate,
        timings=rows,
        slopes=[dict(zip(names, slope)) for slope in slopes(timings)],
    )


def _ordered(timings: Sequence[Timing]) -> list[Timing]:
    return sorted(timings, key=_size_and_mode)


def _size(timing: Timing) -> int:
    return timing.settings.size


def _name(timing: Timing) -> str:
    return timing.name


def _size_and_mode(timing: Timing) -> tuple[int, str]:
    return timing.settings.size, timing.mode


def _name_and_mode(timing: Timing) -> tuple[str, str]:
    return timing.name, timing.mode
