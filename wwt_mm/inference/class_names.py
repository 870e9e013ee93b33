"""The names of a model's classes, from wherever they are told."""

from collections.abc import Iterable, Iterator, Sequence

from mmengine.config import Config

from ..guards.class_names import read_saved_classes, read_stage
from .slot_reader import SlotReader

_BACKGROUND = 'background'


def find_class_names(cfg: Config, checkpoint: dict, reader: SlotReader) -> list[str]:
    """Finds the names of what a model tells apart.

    They are those of the checkpoint, of the config's test dataset, or of its class, the
    first whose number is that of the model's classes; numbers if there are none.

    Args:
        cfg: The model's config.
        checkpoint: What is in the file; empty if there is none.
        reader: The model.

    Returns:
        list[str]: Names, the last one ``'background'`` if the model is a detector;
        none for a model without classes.
    """
    return match_class_names(_candidates(cfg, checkpoint), reader)


def match_class_names(
    candidates: Iterable[Sequence[str]], reader: SlotReader
) -> list[str]:
    """Takes the first names whose number is that of a model's classes.

    Args:
        candidates: Names, with or without a background that comes first.
        reader: The model.

    Returns:
        list[str]: As :func:`find_class_names`.
    """
    count = reader.num_classes
    names = next(
        (
            foreground
            for found in candidates
            for foreground in (list(found), _without_background(found))
            if len(foreground) == count
        ),
        [f'class {index}' for index in range(count)],
    )
    names = [str(name) for name in names]
    return [*names, _BACKGROUND] if count and reader.has_background else names


def _candidates(cfg: Config, checkpoint: dict) -> Iterator[Sequence[str]]:
    yield read_saved_classes(checkpoint)
    test = read_stage(cfg, 'test')
    yield test.names if test else ()


def _without_background(names: Sequence[str]) -> list[str]:
    """Mmseg's datasets name the background first."""
    return list(names[1:]) if names and names[0] == _BACKGROUND else []
