"""One line for errors that libraries raise and users can mend."""

import inspect
import re
import traceback
from collections.abc import Iterator
from typing import Any

import torch
from mmengine import registry
from mmengine.registry import Registry

from ..errors import WWTError, did_you_mean

# What of mmengine turns settings into objects, and annotations into lists of samples.
_FROM_SETTINGS = {
    'build_from_cfg',
    'build_scheduler_from_cfg',
    'build_optim_wrapper',
    'build_dataloader',
}
# Here ports and devices may be at fault, too.
_RUNNER = {'from_cfg', 'build_train_loop'}
_WRONG_VALUES = (AssertionError, KeyError, TypeError, ValueError)


def explain(error: BaseException) -> str | None:
    """Says in one line what is wrong, and what to do.

    Args:
        error: An error that has ended a tool.

    Returns:
        str | None: The line; ``None`` if it looks like a bug, whose traceback matters.
    """
    text = one_line(error)
    if isinstance(error, WWTError):
        if not text.startswith('Caught '):
            return text
        # One of a data loader's worker carries its traceback in its message.
        return text.rpartition(f'{type(error).__name__}: ')[2]
    lost = re.search(r'DataLoader worker \(pid\(?s?\)? ?[\d, ]+\)[^.]*', text)
    if isinstance(error, RuntimeError) and lost:
        return (
            f'a process that loads data has died ({lost[0]}), most often for want of '
            'memory: use fewer, --cfg-options train_dataloader.num_workers=1, or a '
            'smaller batch; then go on with --resume'
        )
    if isinstance(error, torch.OutOfMemoryError):
        return (
            'the memory of the GPU is too small: --cfg-options '
            'train_dataloader.batch_size=N with a smaller N (val_ and test_dataloader '
            'have their own), or --amp'
        )
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f'{error.filename} is to be a folder, and a file is in its way'
    if 'image size in a batch should be the same' in text:  # of mmseg
        return (
            'images of a batch have different sizes in validation or testing, where '
            'mmseg does not pad: --cfg-options val_dataloader.batch_size=1 '
            'test_dataloader.batch_size=1, or data_preprocessor.test_cfg with a size'
        )
    if isinstance(error, Exception) and (built := _find_built(error)):
        return (
            f'a setting of {built} does not do: {type(error).__name__}: {text}'
            f'{_suggest(text)}; WWT_TRACEBACK=1 shows where'
        )
    return None


def one_line(error: BaseException) -> str:
    """The message of an error in one line, or the name of its class."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return ' '.join(str(text).split()) or type(error).__name__


def _find_built(error: Exception) -> str | None:
    """What was being built from the config when it was raised, if anything."""
    built = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_name
        if name in _RUNNER and isinstance(error, _WRONG_VALUES):
            built = 'the run'
        if name in _FROM_SETTINGS:
            kind = frame.f_locals.get('obj_type') or built or 'the config'
            built = getattr(kind, '__name__', kind)
    return built


def _suggest(text: str) -> str:
    """The name that was meant, if it is known what was not found."""
    if unknown := re.match(r'(\S+) is not in the .+ registry', text):
        return did_you_mean(unknown[1], (name for name, _ in _registered()))
    if unknown := re.search(r"(\w+)\.__init__\(\) got an unexpected .* '(\w+)'", text):
        return did_you_mean(unknown[2], _arguments(unknown[1]))
    return ''


def _registered() -> Iterator[tuple[str, Any]]:
    """All that the libraries' registries hold."""
    todo = [each for each in vars(registry).values() if isinstance(each, Registry)]
    while todo:
        each = todo.pop()
        todo += each.children.values()
        yield from each.module_dict.items()


def _arguments(name: str) -> Iterator[str]:
    """What classes of a name take that are registered, or a base of those."""
    for _, built in _registered():
        family = inspect.getmro(built) if inspect.isclass(built) else ()
        if name in (each.__name__ for each in family):
            for each in family[:-1]:
                yield from inspect.signature(each).parameters
