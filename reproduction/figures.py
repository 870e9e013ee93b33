"""Figures of the page, drawn from the same measurements as its tables."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .claims import Claim, Measurements, Quantity, summarise
from .run import Stage

_OURS, _OTHERS = 'tab:orange', 'tab:blue'


def draw_figures(
    stage: Stage, measured: Measurements, only_names: bool = False
) -> dict[str, bytes | str]:
    """Draw what of a stage's claims can be drawn.

    Args:
        stage: The stage.
        measured: What was measured.
        only_names: Whether to return captions in place of pictures.

    Returns:
        PNG files, or captions, by name; a name begins with ``claim`` and its number.
    """
    claims = {claim.number: claim for claim in stage.claims}
    figures = {}
    for number, (name, caption, draw) in _FIGURES.items():
        claim = claims.get(number)
        if claim is None or not _is_measured(claim, measured):
            continue
        name = f'claim{number}_{name}'
        figures[name] = caption if only_names else _render(draw, claim, measured)
    return figures


def _is_measured(claim: Claim, measured: Measurements) -> bool:
    """Whether there is something to compare: two rows with all that they have."""
    rows = [[cell for cell in row.cells if cell] for row in claim.rows]
    return sum(all(cell.values(measured) for cell in row) for row in rows) > 1


def _render(draw: Callable, claim: Claim, measured: Measurements) -> bytes:
    figure = Figure(figsize=(6, 3.2), layout='constrained')
    draw(figure.subplots(), claim, measured)
    buffer = BytesIO()
    # Without the version of matplotlib the file depends on the numbers only.
    figure.savefig(buffer, format='png', dpi=120, metadata={'Software': None})
    return buffer.getvalue()


def _explanations(axes: Axes, claim: Claim, measured: Measurements) -> None:
    """Increase against Drop: the upper left corner is best."""
    for row in claim.rows:
        _point(axes, row.label, row.cells[2], row.cells[3], measured)
    axes.set_xlabel('Drop (lower is better)')
    axes.set_ylabel('Increase (higher is better)')
    axes.legend(fontsize='small')


def _recalls(axes: Axes, claim: Claim, measured: Measurements) -> None:
    """Recall against the number of boxes."""
    for row in claim.rows:
        _point(axes, row.label, row.cells[0], row.cells[1], measured)
    axes.set_xscale('log')
    axes.set_xlabel('boxes per image')
    axes.set_ylabel('recall')
    axes.legend(fontsize='small', bbox_to_anchor=(1, 1))


def _bars(axes: Axes, claim: Claim, measured: Measurements) -> None:
    """CorLoc of each row that has one."""
    column = claim.columns.index('CorLoc')
    rows = [
        (row.label, row.cells[column])
        for row in claim.rows
        if row.cells[column] and row.cells[column].values(measured)
    ]
    compared = any(label.startswith('ViT') for label, _ in rows)
    for place, (label, cell) in enumerate(rows):
        mean, deviation = summarise(cell.values(measured).values())
        ours = label.startswith('WWT') or not compared
        colour = _OURS if ours else _OTHERS
        axes.barh(place, mean, xerr=deviation, color=colour, capsize=3)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows])
    axes.invert_yaxis()
    axes.set_xlabel('CorLoc')


def _invariance(axes: Axes, claim: Claim, measured: Measurements) -> None:
    """Similarity to the first place."""
    for number, row in enumerate(claim.rows):
        colour, style = (
            (_OURS, _OTHERS)[number % 2],
            ('-', '--', '-.', ':')[number // 2],
        )
        *curve, _, other = row.cells
        values = [summarise(cell.values(measured).values()) for cell in curve]
        means = np.array([1.0, *(mean for mean, _ in values)])
        spread = np.array([0.0, *(deviation or 0.0 for _, deviation in values)])
        axes.errorbar(
            range(len(means)),
            means,
            spread,
            label=row.label,
            color=colour,
            linestyle=style,
            capsize=3,
        )
        if len(claim.rows) == 2:
            level = summarise(other.values(measured).values())[0]
            axes.axhline(level, color=colour, linestyle=':', label=f'other {row.label}')
    axes.set_xticks(range(len(means)), [f'Pos{place}' for place in range(len(means))])
    axes.set_ylabel('cosine similarity to Pos0')
    outside = dict(bbox_to_anchor=(1, 1)) if len(claim.rows) > 2 else {}
    axes.legend(fontsize='small', **outside)


def _point(
    axes: Axes, label: str, x: Quantity, y: Quantity, measured: Measurements
) -> None:
    """A mean with its deviations."""
    if not (x.values(measured) and y.values(measured)):
        return
    (x_mean, x_spread), (y_mean, y_spread) = (
        summarise(quantity.values(measured).values()) for quantity in (x, y)
    )
    marker = 'o' if label.startswith('WWT') else 's'
    axes.errorbar(x_mean, y_mean, y_spread, x_spread, marker, label=label, capsize=3)


#: By claim: name, caption, function that draws it.
_FIGURES: dict[int, tuple[str, str, Callable]] = {
    1: ('explanations', 'Drop and Increase of each explanation', _explanations),
    3: ('corloc', 'CorLoc by method', _bars),
    4: ('recall', 'Recall against boxes per image', _recalls),
    7: ('ablations', 'CorLoc by setting', _bars),
    8: ('invariance', 'Similarity of slots and tokens along places', _invariance),
}
