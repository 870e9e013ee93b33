"""What a reproduction consists of: runs of the project's tools on its configs.

A run is data: which tool, which config, which options. What it needs follows from that,
so a table of runs is a graph, and :mod:`.executor` works through it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from wwt_mm.errors import ConfigError

from .claims import Claim

#: In an option, ``<RUN>`` stands for the last checkpoint of that run and
#: ``<RUN:METRIC>`` for what it has measured.
REFERENCE = re.compile(r'<([\w-]+)(?::([^>]+))?>')


class RunKey(NamedTuple):
    """A run with one seed; as text, and as a folder, ``seed0/wwt``."""

    name: str
    seed: int

    def __str__(self) -> str:
        return f'seed{self.seed}/{self.name}'


@dataclass(frozen=True)
class Run:
    """One call of a tool.

    Attributes:
        name: What other runs and claims call it; the same for every seed.
        tool: Which of :data:`~reproduction.commands.TOOLS`.
        config: Path of the config from the repository's root.
        root: Where its data is: the name of a dataset of the stage, which the user
            gives a path for, and perhaps a folder in it: ``'scenes/classification'``;
            '' leaves it to the config.
        weights: The run whose last checkpoint is tested, or trained on.
        options: ``--cfg-options``. They may refer to runs, see :data:`REFERENCE`.
        arguments: Further arguments of the tool; ``{NAME}`` is a dataset's path.
        full_only: Whether ``--quick`` does without it.
        quick: Further ``--cfg-options`` with ``--quick``, which make it shorter.
        validates: Whether the config of a training has a validation.
    """

    name: str
    tool: str
    config: str
    root: str
    weights: str | None = None
    options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    full_only: bool = False
    quick: tuple[str, ...] = ()
    validates: bool = True

    @property
    def needs(self) -> set[str]:
        """set[str]: Names of the runs that must have finished before."""
        referred = {
            match[1] for option in self.options for match in REFERENCE.finditer(option)
        }
        return referred | ({self.weights} if self.weights else set())


@dataclass(frozen=True)
class Stage:
    """The paper's claims on data of one kind.

    Attributes:
        name: As on the command line.
        title: For the page.
        about: What it is, in a sentence or two, for the page.
        data: Name of each dataset to its usual path.
        required: Name of each dataset to folders that must be there; those of a
            dataset that ``prepare`` makes need not.
        prepare: Tool and arguments that make data; ``{NAME}`` is a dataset's path.
        runs: Those that come first start first.
        claims: What is concluded from them.
        seeds: Those of a whole reproduction.
    """

    name: str
    title: str
    about: str
    data: dict[str, str]
    runs: tuple[Run, ...]
    claims: tuple[Claim, ...]
    required: dict[str, tuple[str, ...]] = field(default_factory=dict)
    prepare: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2)

    def __post_init__(self) -> None:
        names = [run.name for run in self.runs]
        if len(set(names)) < len(names):
            raise ConfigError(f'stage {self.name!r} has two runs of one name')
        for index, run in enumerate(self.runs):
            if missing := run.needs - set(names[:index]):
                raise ConfigError(
                    f'run {run.name!r} of stage {self.name!r} needs '
                    f'{", ".join(sorted(missing))}, which is no run before it'
                )

    def prepare_command(self, data: Mapping[str, str | Path]) -> list[str]:
        """The command line that makes data at these paths, by dataset."""
        return ['python', *(part.format(**data) for part in self.prepare)]

    def select(self, claims: Iterable[int] | None, quick: bool) -> 'Stage':
        """The part of a stage that certain claims need.

        Args:
            claims: Numbers of claims; None for all.
            quick: Whether to leave out runs that are ``full_only`` and to shorten the
                others.

        Raises:
            ConfigError: If the stage has no such claim.
        """
        known = {claim.number for claim in self.claims}
        wanted = known if claims is None else set(claims)
        if wanted - known:
            raise ConfigError(
                f'stage {self.name!r} has no claim '
                f'{", ".join(map(str, sorted(wanted - known)))}: it has '
                f'{", ".join(map(str, sorted(known)))}'
            )
        chosen = tuple(claim for claim in self.claims if claim.number in wanted)
        by_name = {run.name: run for run in self.runs}
        todo = [name for claim in chosen for name in claim.run_names]
        todo = [n for n in todo if n in by_name]
        if quick:
            todo = [name for name in todo if not by_name[name].full_only]
        needed: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in needed:
                needed.add(name)
                todo.extend(by_name[name].needs)
        runs = tuple(run for run in self.runs if run.name in needed)
        if quick:
            runs = tuple(
                replace(run, options=(*run.options, *run.quick)) for run in runs
            )
        return replace(self, runs=runs, claims=chosen)

    def check_data(self, data: dict[str, Path]) -> None:
        """Make sure that datasets are where they were said to be.

        Raises:
            ConfigError: If not; one line with the folder and what to do.
        """
        used = {run.root.partition('/')[0] for run in self.runs}
        for name in sorted(used & set(self.required)):
            for folder in self.required[name]:
                if not (data[name] / folder).is_dir():
                    raise ConfigError(
                        f'stage {self.name!r} needs the dataset {name!r}, and there is '
                        f'no folder {data[name] / folder}: see docs/datasets.md, then '
                        f'say --data {name}=PATH'
                    )
