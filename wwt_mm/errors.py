"""Errors that a user can act on: what is wrong, where, and what to do about it.

The tools print these as one line and exit with a non-zero status; everything else is
a bug and keeps its traceback.
"""

import difflib
from collections.abc import Collection, Iterable
from typing import Any


class WWTError(Exception):
    """Base class of every error that wwt_mm raises on purpose."""


class ConfigError(WWTError, ValueError):
    """A config value is missing, misspelt or out of range."""


class DatasetError(WWTError):
    """A dataset, or one file of it, is missing, empty or malformed."""


class CheckpointError(WWTError):
    """A checkpoint cannot be read, or does not fit the model that loads it."""


class ExportError(WWTError):
    """A model cannot be exported, or computes something else when it has been."""


class MissingPackageError(WWTError, ImportError):
    """A library that this part of wwt_mm needs is absent or of the wrong version."""


class MissingOpError(WWTError, ImportError):
    """A compiled mmcv op is needed and mmcv was installed without compiled ops."""


class InvalidLossError(WWTError, ArithmeticError):
    """A loss, or what a loss is computed from, is no longer finite."""


class WriteError(WWTError):
    """A file cannot be written: the disk is full, or forbids it."""


class ResultError(WWTError, ValueError):
    """A file of results, written by an earlier run, has another form."""


def one_of(option: str, value: Any, choices: Collection[Any]) -> Any:
    """Returns the value of an option, or raises :class:`ConfigError` if it is none."""
    if value not in choices:
        known = ', '.join(map(repr, choices))
        raise ConfigError(f'{option}={value!r} is unknown: choose one of {known}')
    return value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message: the name that is most like one that is not known."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f'; did you mean {near[0]!r}?' if near else ''
