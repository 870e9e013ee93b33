"""The page: from results to Markdown, tables and figures, and nothing else."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from wwt_mm.errors import ConfigError
from wwt_mm.guards.atomic import write_atomically

from .claims import Claim, Measurements, Ordering, Outcome, Quantity, judge, summarise
from .figures import draw_figures
from .results import Identity, identities, measurements
from .run import Stage

#: Around what a README says of the results.
_MARKS = ('<!-- claims -->', '<!-- claims end -->')
_HEAD = """# The paper in miniature

The claims of the paper, measured with this code: `python tools/reproduce.py STAGE`
does the runs and writes this page from their results, which lie beside it as
`reproduction/STAGE.json`. No number on it was written by hand. `--help` tells more,
and [reproduction_notes.md](reproduction_notes.md) what was looked into where an
ordering does not hold.

"Does it hold?" counts the seeds for which an ordering holds: "yes" for all, "on
average" for the mean but not for all, "**no**" not even for the mean. Numbers are means
over seeds, with the sample standard deviation where there are several.
"""


def write_report(
    stages: Iterable[Stage],
    stage: Stage,
    results: list[dict],
    folder: Path,
    force: bool = False,
) -> Path:
    """Write the page, its figures and the results it rests on.

    Args:
        stages: All stages; those without results in the folder are named as such.
        stage: The stage that the results are of.
        results: Finished results, as :class:`ResultStore` gives them.
        folder: Where to: ``reproduction.md`` and the folder ``reproduction``.
        force: Whether results that are there may be replaced by fewer.

    Returns:
        The page.

    Raises:
        ConfigError: If the folder has results of runs that ``results`` lacks.
    """
    data = _data(folder, stage)
    if not force:
        check_kept(stage, folder, identities(results))
    text = '[\n' + ',\n'.join(map(json.dumps, results)) + '\n]\n'
    write_atomically(text.encode(), data)
    for name, picture in draw_figures(stage, measurements(results)).items():
        write_atomically(picture, data.with_name(f'{stage.name}_{name}.png'))
    page = folder / 'reproduction.md'
    write_atomically(render_page(stages, folder).encode(), page)
    readme = folder.parent / 'README.md'
    if readme.is_file() and _MARKS[0] in (text := readme.read_text()):
        write_atomically(renew_summary(text, stages, folder).encode(), readme)
    return page


def check_kept(stage: Stage, folder: Path, kept: set[Identity]) -> None:
    """Make sure that a folder's results are among those that will be there.

    Raises:
        ConfigError: If some are not.
    """
    data = _data(folder, stage)
    if lost := identities(_read(data)) - kept:
        raise ConfigError(
            f'{data} holds {len(lost)} results, such as {sorted(lost)[0]}, that are '
            'not in --out: choose another --report, or replace it with --force'
        )


def renew_summary(text: str, stages: Iterable[Stage], folder: Path) -> str:
    """A text whose part between two marks is the summary of the results in a folder.

    The summary has a row for each table of the paper: the claim's first ordering that
    the paper has numbers for, with those of each stage that was run.
    """
    before, _, rest = text.partition(_MARKS[0])
    after = rest.partition(_MARKS[1])[2]
    read = [(stage, _read(_data(folder, stage))) for stage in stages]
    done = [(stage, measurements(results)) for stage, results in read if results]
    rows: dict[int, list[str]] = {}
    for column, (stage, measured) in enumerate(reversed(done), 1):
        for claim in stage.claims:
            papers = [ordering for ordering in claim.orderings if ordering.paper]
            for ordering in (papers or claim.orderings)[:1]:
                row = [claim.source, ordering.text, ordering.paper, *['–'] * len(done)]
                row = rows.setdefault(claim.number, row)
                numbers = _both(ordering, measured)
                row[-column] = f'{numbers} {judge(ordering, measured)}'
                if own := ordering.text.removeprefix(row[1]).lstrip(', '):
                    row[-column] += f' ({own})'
    titles = ['source', 'ordering', 'paper', *(s.title.lower() for s, _ in done)]
    lines = table(titles, [row for _, row in sorted(rows.items()) if row[2]])
    return '\n'.join([f'{before}{_MARKS[0]}', *lines, f'{_MARKS[1]}{after}'])


def render_page(stages: Iterable[Stage], folder: Path) -> str:
    """The page of the results in a folder."""
    parts = [_HEAD]
    for stage in stages:
        results = _read(_data(folder, stage))
        parts.append(render_stage(stage, results))
    return '\n'.join(parts)


def render_stage(stage: Stage, results: list[dict]) -> str:
    """The section of a stage."""
    lines = [f'## {stage.title}', '', stage.about, '']
    if not results:
        lines += ['Nothing of this stage has been run yet:', '']
        lines += [f'    python tools/reproduce.py {stage.name}', '']
        return '\n'.join(lines)
    measured = measurements(results)
    lines += [*_describe_runs(results), '', '### Do the claims hold?', '']
    lines += _overview(stage, measured)
    figures = draw_figures(stage, measured, only_names=True)
    for claim in stage.claims:
        lines += ['', *_render_claim(stage.name, claim, measured)]
        for name, caption in figures.items():
            if name.startswith(f'claim{claim.number}'):
                lines += ['', f'![{caption}](reproduction/{stage.name}_{name}.png)']
    lines += [
        '',
        f'Each run with its command, options, metrics and seconds: '
        f'[{stage.name}.json](reproduction/{stage.name}.json).',
        '',
    ]
    return '\n'.join(lines)


def _describe_runs(results: list[dict[str, Any]]) -> list[str]:
    """With what, and how long, everything was measured."""

    def distinct(of) -> str:
        return '; '.join(sorted({str(of(result)) for result in results}))

    seeds = sorted({result['seed'] for result in results})
    given = sorted({r['run'] for r in results if '--checkpoint' in r['command']})
    again = sum(result['attempts'] > 1 for result in results)
    interrupted = f' ({again} were interrupted; of those, the last part)' * bool(again)
    hours = sum(result['processor_seconds'] for result in results) / 3600
    trainings = {result['amp'] for result in results if '--seed' in result['command']}
    # Results that older versions wrote have none.
    changed = [r for r in results if r.get('train_options')]
    changes = '; '.join(sorted({' '.join(r['train_options']) for r in changed}))
    precision = {True: 'bfloat16 (`--amp`)', False: 'float32'}
    versions = distinct(
        lambda result: ', '.join(f'{k} {v}' for k, v in result['versions'].items())
    )
    return [
        f'{len(results)} runs, seeds {", ".join(map(str, seeds))}, {hours:.1f} hours '
        f'of processor time{interrupted}'
        + f' besides {", ".join(given)}, trained before (`--checkpoint`)'
        * bool(given)
        + '. Trainings in '
        f'{" and ".join(precision[amp] for amp in sorted(trainings)) or "none"}, tests '
        'in float32. '
        + f'Trainings are changed by `--train-options {changes}`. ' * bool(changes)
        + 'Machine: '
        + distinct(
            lambda r: '{processor}, {cores} cores, device {device}'.format(
                **r['machine']
            )
        )
        + f'. Versions: {versions}. Code: {distinct(lambda r: r["git"])}.'
    ]


def _overview(stage: Stage, measured: Measurements) -> list[str]:
    """A row for each ordering."""
    rows, outcomes = [], []
    for claim in stage.claims:
        for ordering in claim.orderings:
            verdict = judge(ordering, measured)
            outcomes.append(verdict.outcome)
            rows.append(
                (
                    f'[{claim.number}](#{stage.name}-claim-{claim.number})',
                    claim.source,
                    ordering.text,
                    ordering.paper or '',
                    _both(ordering, measured),
                    str(verdict),
                    f'`{stage.name} --claims {claim.number}`',
                )
            )
    titles = ('claim', 'source', 'ordering', 'paper', 'here', 'does it hold?')
    counts = {outcome: outcomes.count(outcome) for outcome in Outcome}
    return [
        f'Of {len(rows)} orderings {counts[Outcome.HOLDS]} hold for every seed, '
        f'{counts[Outcome.ON_AVERAGE]} on average, {counts[Outcome.FAILS]} do not, '
        f'{counts[Outcome.UNKNOWN]} were not measured.',
        '',
        *table((*titles, '`tools/reproduce.py`'), rows),
    ]


def _both(ordering: Ordering, measured: Measurements) -> str:
    """The two numbers, in the order of the text."""
    first, second = show(ordering.high, measured), show(ordering.low, measured)
    return f'{first} / {second}'


def _render_claim(stage: str, claim: Claim, measured: Measurements) -> list[str]:
    """A claim's table: measured numbers, and the paper's beside them."""
    lines = [f'<a id="{stage}-claim-{claim.number}"></a>']
    name = 'Readings' if claim.source == 'readings' else claim.source
    lines += [f'### {name}: {claim.title}', '']
    lines += [claim.note, ''] if claim.note else []
    with_paper = [
        index
        for index in range(len(claim.columns))
        if any(row.paper and row.paper[index] for row in claim.rows)
    ]
    titles = ['', *claim.columns]
    titles += [f'paper: {claim.columns[index]}' for index in with_paper]
    rows = []
    for row in claim.rows:
        cells = [show(cell, measured) if cell else '' for cell in row.cells]
        paper = [row.paper[index] if row.paper else '' for index in with_paper]
        rows.append((row.label, *cells, *paper))
    return [*lines, *table(titles, rows)]


def show(quantity: Quantity, measured: Measurements) -> str:
    """Mean and deviation of a quantity, ``–`` if it was not measured."""
    values = quantity.values(measured)
    if not values:
        return '–'
    mean, deviation = summarise(values.values())
    digits = quantity.digits
    spread = '' if deviation is None else f' ± {deviation:.{digits}f}'
    return f'{mean:.{digits}f}{spread}'


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [titles, ['---'] * len(titles), *rows]
    return [f'| {" | ".join(_escape(cell) for cell in line)} |' for line in lines]


def _escape(cell: str) -> str:
    return cell.replace('|', '\\|')


def _read(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text()) if path.is_file() else []


def _data(folder: Path, stage: Stage) -> Path:
    return folder / 'reproduction' / f'{stage.name}.json'
