"""One line for errors that libraries raise and users can mend.

Libraries tell of a misspelt key or a broken annotation file in tracebacks of many
frames. Which setting or file it is stands in the variables of those frames.
"""

import difflib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from mmengine.dataset import BaseDataset
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIMIZERS
from torch.utils.data import DataLoader

from ..errors import WWTError

_OURS = Path(__file__).parents[1]
_TRACEBACK = 'WWT_TRACEBACK=1 shows where'
# Where a dataset of mmengine reads its annotation file or lists its folders.
_READING = ('full_init', 'load_data_list', '_find_samples', 'parse_data_info')
_BUILDING = (
    'build_from_cfg',
    'build_scheduler_from_cfg',
    'build_optim_wrapper',
    'build_dataloader',
)
_BUILT = {'build_dataloader': DataLoader, 'build_optim_wrapper': OptimWrapper}


def explain(error: BaseException) -> str | None:
    """Says in one line what is wrong, where, and what to do.

    Args:
        error: An error that has ended a tool.

    Returns:
        str | None: The line; ``None`` if it looks like a bug, whose traceback matters.
    """
    if isinstance(error, WWTError):
        return _of_worker(error) or one_line(error)
    for find in (_find_lost_worker, _find_memory, _find_type, _find_data, _find_value):
        line = find(error)
        if line:
            return line
    return None


def one_line(error: BaseException) -> str:
    """The message of an error in one line, or the name of its class."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    if isinstance(error, OSError) and error.strerror:
        text = f'{error.strerror}: {error.filename}' if error.filename else error
    return ' '.join(str(text).split()) or type(error).__name__


def _of_worker(error: WWTError) -> str | None:
    """An error of a data loader's worker carries its traceback in its message."""
    text = str(error)
    if not text.startswith('Caught '):
        return None
    *_, message = text.partition('Original Traceback')[2].rpartition(
        f'{type(error).__name__}: '
    )
    return ' '.join(message.split())


def _find_lost_worker(error: BaseException) -> str | None:
    text = str(error)
    found = re.search(r'DataLoader worker \(pid\(?s?\)? ?[\d, ]+\)[^.\n]*', text)
    if not isinstance(error, RuntimeError) or not found:
        return None
    return (
        f'a process that loads data has died ({found[0]}), most often for want of '
        'memory: use fewer, --cfg-options train_dataloader.num_workers=1, or a smaller '
        'batch; then go on with --resume'
    )


def _find_memory(error: BaseException) -> str | None:
    if not isinstance(error, torch.OutOfMemoryError):
        return None
    return (
        'the memory of the GPU is too small: --cfg-options '
        'train_dataloader.batch_size=N with a smaller N (val_ and test_dataloader have '
        'their own), or --amp'
    )


def _find_type(error: BaseException) -> str | None:
    """A type that no registry has."""
    name, registry = None, None
    found = re.match(r'(\S+) is not in the .+ registry', one_line(error))
    if isinstance(error, KeyError) and found:
        name = found[1]
    for frame in _frames(error):
        if name and frame.f_code.co_name in _BUILDING:
            registry = frame.f_locals.get('registry', registry)
        elif frame.f_code.co_name == 'build_optim_wrapper':
            # mmengine looks at the arguments of an optimizer before it finds out.
            settings = frame.f_locals.get('cfg') or {}
            optimizer = settings.get('optimizer') or {}
            if optimizer and OPTIMIZERS.get(str(optimizer.get('type'))) is None:
                name, registry = str(optimizer.get('type')), OPTIMIZERS
    if name is None or registry is None:
        return None
    return (
        f'the config names type={name!r}, which the registry of each {registry.name} '
        f'does not have{_near(name, list(_list_types(registry)))} If it is in a module '
        'of yours, add that to custom_imports'
    )


def _find_data(error: BaseException) -> str | None:
    """An annotation file or a folder that a dataset cannot read."""
    if not isinstance(error, Exception):
        return None
    for frame in _frames(error):
        dataset = frame.f_locals.get('self')
        if frame.f_code.co_name in _READING and isinstance(dataset, BaseDataset):
            place = dataset.ann_file or dataset.data_prefix or dataset.data_root
            return (
                f'{type(dataset).__name__} cannot read {_show(place)}: '
                f'{_reason(error)}; is it complete, and in the form that this dataset '
                f'reads? docs/datasets.md tells the layouts; {_TRACEBACK}'
            )
    return None


def _find_value(error: BaseException) -> str | None:
    """A setting that a class of a library does not take."""
    frames = list(_frames(error))
    builders = [f for f in frames if f.f_code.co_name in _BUILDING]
    if not builders or not isinstance(error, Exception):
        return None
    builder = builders[-1]
    built = builder.f_locals.get('obj_cls')
    if built is None:
        built = _BUILT.get(builder.f_code.co_name)
    name = getattr(built, '__name__', None)
    if name is None:
        return None
    unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    if isinstance(error, TypeError) and unknown:
        near = _near(unknown[1], _list_arguments(built))
        return f'{name} in the config takes no argument {unknown[1]!r}{near}'
    missing = re.search(r"missing \d+ required .* arguments?: '(.*)'", str(error))
    if isinstance(error, TypeError) and missing:
        return f"{name} in the config needs '{missing[1]}': add it there"
    if Path(frames[-1].f_code.co_filename).is_relative_to(_OURS):
        return None  # we check what we take: this is a bug
    return (
        f'{name} cannot be built from the config: {_reason(error)}; correct that '
        f'setting of {name}; {_TRACEBACK}'
    )


def _frames(error: BaseException) -> Iterator[FrameType]:
    """The frames of an error, from outside to inside, and of those it came from."""
    seen: BaseException | None = error
    while seen is not None:
        trace = seen.__traceback__
        while trace is not None:
            yield trace.tb_frame
            trace = trace.tb_next
        seen = seen.__cause__ or seen.__context__


def _list_types(registry: Any) -> Iterator[str]:
    """The names that a registry, or one of those above it, has."""
    while registry is not None:
        yield from registry.module_dict
        registry = registry.parent


def _list_arguments(built: Any) -> list[str]:
    classes = inspect.getmro(built) if inspect.isclass(built) else (built,)
    names: list[str] = []
    for each in classes:
        if each is not object:
            names += inspect.signature(each).parameters
    return names


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f'; did you mean {near[0]!r}?' if near else ', nor one like it.'


def _reason(error: BaseException) -> str:
    kind = '' if isinstance(error, AssertionError | OSError) else type(error).__name__
    text = one_line(error)
    return text if not kind or text == kind else f'{kind}: {text}'


def _show(place: Any) -> str:
    return ', '.join(place.values()) if isinstance(place, dict) else str(place)
