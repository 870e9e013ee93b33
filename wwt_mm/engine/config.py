"""Reads a config and merges ``--cfg-options`` into it, telling about likely slips."""

import inspect
import logging
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.logging import print_log
from mmengine.runner import Runner

from ..errors import ConfigError, WWTError, did_you_mean

# Places that may lie below the data root without belonging to the dataset.
_NOT_DATA = ('work_dir', 'load_from')

# Top-level keys that the Runner, the loops or the tools read from the config itself.
_READ_FROM_CONFIG = frozenset(
    'activation_checkpointing clip_boxes compile custom_imports data_root '
    'efficient_conv_bn_eval find_unused_parameters ignored_classes model_wrapper_cfg '
    'runner_type slot_regions strategy sync_bn test_pipeline tta_model '
    'tta_pipeline'.split()
)
_RUNNER_KEYS = frozenset(inspect.signature(Runner.__init__).parameters)


def load_config(path: str | Path, cfg_options: dict[str, Any] | None = None) -> Config:
    """Reads a config file and merges options into it.

    An option ``data_root`` also replaces the former root wherever the config has used
    it: in the datasets, in pipelines, and in the annotation files of evaluators.
    (mmengine changes only the top-level variable, which nothing reads.) Other options
    are merged after that, so ``val_dataloader.dataset.data_root`` still wins.

    Args:
        path: Config file, or ``'LIBRARY::CONFIG'`` for a config of a library.
        cfg_options: Dotted key to value, as ``--cfg-options`` gives them.

    Returns:
        Config: The merged config.

    Raises:
        ConfigError: If there is no such file, or an option does not fit the config.
    """
    cfg = _read(path)
    _drop_own_scope(cfg._cfg_dict)
    options = dict(cfg_options or {})
    for warning in find_doubtful_options(cfg, options):
        print_log(f'--cfg-options: {warning}', 'current', logging.WARNING)
    if 'data_root' in options:
        _move_data_root(cfg, options['data_root'])
    try:
        cfg.merge_from_dict(options)
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f'--cfg-options do not fit {path}: {_one_line(error)}'
        ) from error
    return cfg


def find_doubtful_options(cfg: Config, options: dict[str, Any]) -> list[str]:
    """Describes options that probably do not do what their author meant.

    These are keys that the config does not have, which may be a misspelling or a
    legitimate addition, and top-level variables whose value has already been copied
    into the dicts that used it.

    Args:
        cfg: The config before merging.
        options: Dotted key to value.

    Returns:
        list[str]: One line for each doubtful option.
    """
    doubts = []
    for key in options:
        doubt = _find_unknown_key(cfg, key) or _find_spent_variable(cfg, key)
        if doubt:
            doubts.append(doubt)
    return doubts


def _read(path: str | Path) -> Config:
    path = str(path)
    if '::' not in path and not Path(path).is_file():
        hint = did_you_mean(path, _list_configs(path))
        raise ConfigError(f'no config file at {path}{hint}')
    try:
        return _read_packaged(path) if '::' in path else Config.fromfile(path)
    except TypeError as error:
        # Of mmengine: a dict in place of a value of the base, or the reverse.
        if '_delete_=True' not in str(error):
            raise
        raise ConfigError(f'{path}: {_one_line(error)}') from error
    except (OSError, SyntaxError, NameError) as error:
        kind = type(error).__name__
        raise ConfigError(f'{path} cannot be read: {kind}: {error}') from error
    except ImportError as error:
        # mmengine hides the reason why an entry of custom_imports failed.
        reason: BaseException | None = error
        while reason is not None and not isinstance(reason, WWTError):
            reason = reason.__cause__ or reason.__context__
        if reason is None:
            raise
        raise reason from None


def _read_packaged(path: str) -> Config:
    """Reads a config that an installed library brings along in its ``.mim``."""
    library = path.partition('::')[0]
    # mmengine would install a library that is missing.
    if find_spec(library) is None:
        raise ConfigError(f'{path} is a config of {library}, which is not installed')
    try:
        return get_config(path)
    except (AssertionError, FileNotFoundError) as error:
        raise ConfigError(f'no config {path}: {_one_line(error)}') from error


def _list_configs(path: str) -> list[str]:
    """Lists the configs near a path that does not exist."""
    folder = Path(path).parent
    while not folder.is_dir():
        folder = folder.parent
    if folder == Path('.'):
        folder = Path('configs')
    if folder.is_absolute() and len(folder.parts) < 3:
        return []
    return [str(file) for file in folder.rglob('*.py')]


def _find_unknown_key(cfg: Config, key: str) -> str | None:
    node: Any = cfg._cfg_dict
    parts = key.split('.')
    for depth, part in enumerate(parts):
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, dict):
            place = '.'.join(parts[:depth]) or 'the config'
            known = _RUNNER_KEYS | _READ_FROM_CONFIG if depth == 0 else ()
            if part in known:
                return None
            hint = did_you_mean(part, [*map(str, node), *known])
            return f'{key!r} adds a new key {part!r} to {place}{hint}'
        else:
            return None
    return None


def _find_spent_variable(cfg: Config, key: str) -> str | None:
    name = key.split('.')[0]
    if name in _RUNNER_KEYS or name in _READ_FROM_CONFIG:
        return None
    return (
        f'{name!r} is only a variable of the config: the dicts built from it keep its '
        'former value, so set the key in those dicts instead'
    )


def _drop_own_scope(node: Any) -> None:
    """Undoes what ``_base_ = 'wwt_mm::...'`` does to the dicts it brings.

    mmengine marks them to be built from registries of that name. We have none: our
    classes are in those of the libraries.
    """
    if isinstance(node, dict) and node.get('_scope_') == 'wwt_mm':
        del node['_scope_']
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            _drop_own_scope(child)


def _move_data_root(cfg: Config, new_root: str) -> None:
    old_root = cfg.get('data_root')
    if not isinstance(old_root, str) or not old_root.strip('/'):
        return
    for container, key, value in _walk_strings(cfg._cfg_dict):
        if container is cfg._cfg_dict and key in _NOT_DATA:
            continue
        moved = _replace_root(value, old_root.rstrip('/'), str(new_root).rstrip('/'))
        if moved is not None:
            container[key] = moved


def _replace_root(value: str, old_root: str, new_root: str) -> str | None:
    if value == old_root:
        return new_root
    if value.startswith(old_root + '/'):
        return new_root + value[len(old_root) :]
    return None


def _walk_strings(node: Any) -> Iterator[tuple[Any, Any, str]]:
    """Yields (container, key or index, value) of every string below a dict or list."""
    items = list(node.items() if isinstance(node, dict) else enumerate(node))
    for key, value in items:
        if isinstance(value, str):
            yield node, key, value
        elif isinstance(value, dict | list):
            yield from _walk_strings(value)


def _one_line(error: BaseException) -> str:
    text = error.args[0] if error.args else error
    return ' '.join(str(text).split())
