"""What the paper claims, and whether measurements agree."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np

#: ``{run: {seed: {metric: value}}}``
Measurements = dict[str, dict[int, dict[str, float]]]


@dataclass(frozen=True)
class Quantity:
    """A number that a run measures.

    Attributes:
        run: Name of the run.
        metric: Name of the metric, as the tool writes it.
        scale: What it is multiplied by, to be in the paper's unit.
        digits: Decimals that are shown.
    """

    run: str
    metric: str
    scale: float = 1.0
    digits: int = 1

    def values(self, measured: Measurements) -> dict[int, float]:
        """The values by seed; empty if it was not measured."""
        return {
            seed: metrics[self.metric] * self.scale
            for seed, metrics in measured.get(self.run, {}).items()
            if self.metric in metrics
        }


@dataclass(frozen=True)
class Row:
    """A row of a claim's table.

    Attributes:
        label: What was measured.
        cells: A quantity for each column, None for an empty cell.
        paper: The paper's number for each column, '' where it has none.
    """

    label: str
    cells: tuple[Quantity | None, ...]
    paper: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ordering:
    """That one quantity is above another.

    Attributes:
        text: The claim in words.
        paper: The paper's two numbers, as text.
        high: The larger quantity.
        low: The smaller quantity.
        slack: How far ``high`` may lie below ``low``, for claims that two are
            comparable, in the units of the quantities.
    """

    text: str
    paper: str
    high: Quantity
    low: Quantity
    slack: float = 0.0


@dataclass(frozen=True)
class Claim:
    """A claim with its measurements.

    Attributes:
        number: As in the issue.
        source: Table or figure of the paper.
        title: In words.
        columns: Titles of the columns of its table.
        rows: Rows of its table.
        orderings: What has to hold.
        note: How measurements differ from the paper's.
    """

    number: int
    source: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    orderings: tuple[Ordering, ...]
    note: str = ''

    @property
    def quantities(self) -> Iterable[Quantity]:
        """Every number that the claim is about."""
        for row in self.rows:
            yield from (cell for cell in row.cells if cell)
        for ordering in self.orderings:
            yield from (ordering.high, ordering.low)

    @property
    def run_names(self) -> set[str]:
        """set[str]: The runs that measure it."""
        return {quantity.run for quantity in self.quantities}


class Outcome(Enum):
    """What came of an ordering."""

    HOLDS = 'yes'
    ON_AVERAGE = 'on average'
    FAILS = '**no**'
    UNKNOWN = 'not measured'


@dataclass(frozen=True)
class Verdict:
    """Whether an ordering holds.

    Attributes:
        outcome: ``HOLDS`` if it does for every seed, ``ON_AVERAGE`` if for the means
            only, ``FAILS`` if not even for those.
        agreeing: Seeds for which it holds.
        seeds: Seeds with both numbers.
    """

    outcome: Outcome
    agreeing: int = 0
    seeds: int = 0

    def __str__(self) -> str:
        if self.outcome is Outcome.UNKNOWN:
            return self.outcome.value
        return f'{self.outcome.value} ({self.agreeing} of {self.seeds})'


def judge(ordering: Ordering, measured: Measurements) -> Verdict:
    """Compare the two quantities of an ordering, seed by seed and on average.

    A tie holds only where there is slack.
    """
    high = ordering.high.values(measured)
    low = ordering.low.values(measured)
    seeds = sorted(high.keys() & low.keys())
    if not seeds:
        return Verdict(Outcome.UNKNOWN)
    margins = np.array([high[seed] - low[seed] for seed in seeds]) + ordering.slack
    agreeing = int((margins > 0).sum())
    if agreeing == len(seeds):
        outcome = Outcome.HOLDS
    elif margins.mean() > 0:
        outcome = Outcome.ON_AVERAGE
    else:
        outcome = Outcome.FAILS
    return Verdict(outcome, agreeing, len(seeds))


def summarise(values: Iterable[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (n - 1), None for a single value."""
    values = np.fromiter(values, float)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    return float(values.mean()), deviation
