"""Names of classes: read from the settings of datasets, compared where two lists meet.

Libraries pass numbers on. Two lists of the same length that name other things make
them mean other things, and nothing says so: see docs/reliability.md.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.fileio import list_from_file
from mmengine.registry import DATASETS

from ..errors import DatasetError


class Classes(NamedTuple):
    """Names of classes, in the order of their labels, and who says so."""

    names: tuple[str, ...]
    place: str


def find_dataset_class(dataset: dict, scope: str | None) -> type | None:
    """The class that the ``type`` of a dataset names; ``None`` if there is none.

    Args:
        dataset: Its settings.
        scope: The config's ``default_scope``.
    """
    kind = dataset.get('type')
    if isinstance(kind, str):
        with DATASETS.switch_scope_and_registry(scope or 'mmengine') as registry:
            kind = registry.get(kind)
    return kind if isinstance(kind, type) else None


def name_type(settings: dict) -> str:
    """The class name of a dataset or a transform, without the scope of its registry."""
    kind = settings.get('type', 'dataset')
    name = kind if isinstance(kind, str) else kind.__name__
    return name.rpartition('.')[2]


def read_classes(dataset: dict, kind: type | None) -> tuple[str, ...] | None:
    """Reads the classes that the settings of a dataset tell, as mmengine does.

    Args:
        dataset: Its settings.
        kind: Its class.

    Returns:
        tuple[str, ...] | None: Names; ``None`` if only its files tell them.

    Raises:
        DatasetError: If they are one string, and that is no file.
    """
    told = dict(getattr(kind, 'METAINFO', None) or {})
    told |= {'classes': dataset['classes']} if dataset.get('classes') else {}
    told |= dataset.get('metainfo') or {}
    classes = told.get('classes')
    if isinstance(classes, str):
        if not Path(classes).expanduser().is_file():
            raise DatasetError(
                f'classes of {dataset.get("type")} is the text {classes!r}, which is '
                f'neither a tuple of names nor a file of them: one class is written '
                f'({classes!r},) in a config, [{classes}] in --cfg-options'
            )
        classes = list_from_file(str(Path(classes).expanduser()))
    return tuple(map(str, classes)) if classes else None


def read_stage(cfg: Config, stage: str) -> Classes | None:
    """Reads the classes that a config gives to the dataset of a stage.

    Args:
        cfg: The config.
        stage: ``'train'``, ``'val'`` or ``'test'``.
    """
    dataset = (cfg.get(f'{stage}_dataloader') or {}).get('dataset')
    dataset = next(iterate_leaves(dataset), None)
    if dataset is None:
        return None
    names = read_classes(dataset, find_dataset_class(dataset, cfg.get('default_scope')))
    return Classes(names, f'the {stage} dataset') if names else None


def read_saved_classes(checkpoint: dict) -> tuple[str, ...]:
    """Reads the names of classes that a checkpoint tells, if it does."""
    told = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
    return tuple(told.get('classes') or told.get('CLASSES') or ())


def iterate_leaves(dataset: Any) -> Iterator[Any]:
    """Yields the datasets that read files, or their settings, whatever wraps them."""
    if isinstance(dataset, list | tuple):
        for part in dataset:
            yield from iterate_leaves(part)
        return
    fields = dataset if isinstance(dataset, dict) else getattr(dataset, '__dict__', {})
    wrapped = fields.get('dataset', fields.get('datasets'))
    if wrapped is not None:
        yield from iterate_leaves(wrapped)
    elif dataset:
        yield dataset


def find_difference(one: Classes, other: Classes) -> str | None:
    """Says in which way two lists of classes differ.

    Returns:
        str | None: The difference, without what to do about it.
    """
    if one.names == other.names:
        return None
    missing = [name for name in one.names if name not in other.names]
    surplus = [name for name in other.names if name not in one.names]
    if not missing and not surplus:
        pairs = zip(one.names, other.names, strict=False)
        place = next(
            (place for place, (a, b) in enumerate(pairs) if a != b),
            min(map(len, (one.names, other.names))),
        )
        return (
            f'{one.place} and {other.place} have the same classes in another order or '
            f'number: {show(one.names)} and {show(other.names)}, which differ from '
            f'label {place} on'
        )
    parts = []
    if missing:
        parts.append(f'{other.place} lacks {list_near(missing, surplus)}')
    if surplus:
        parts.append(f'{one.place} lacks {list_near(surplus, missing)}')
    return ', '.join(parts)


def list_near(names: Iterable[str], known: Sequence[str], limit: int = 5) -> str:
    """Names in quotes, each with the one that may have been meant."""
    names = list(names)
    shown = []
    for name in names[:limit]:
        lower = {each.lower(): each for each in known}
        near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
        shown.append(f'{name!r}' + (f' (has {lower[near[0]]!r})' if near else ''))
    rest = [f'{len(names) - limit} more'] if len(names) > limit else []
    return ', '.join(shown + rest)


def show(names: Sequence[str]) -> str:
    """The first names of a list."""
    return ', '.join(map(str, names[:5])) + (', ...' if len(names) > 5 else '')
