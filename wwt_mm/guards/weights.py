"""Loads weights from a checkpoint file, and nothing that could run code.

A checkpoint is a pickle, and a pickle can run any program when it is read. What
training writes needs tensors, numbers, text and mmengine's log buffers only.
"""

import os
import zipfile
import zlib
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import load_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file as load_safetensors
from torch import Tensor, nn

from ..errors import CheckpointError

# The files of a model's folder, as on the Hugging Face hub.
CONFIG_NAME, WEIGHTS_NAME = 'config.json', 'model.safetensors'

# What torch says of a whole file with things in it that it does not make.
_MORE_THAN_DATA = ('GLOBAL', 'Unsupported class', 'allowlisted')


def load_checkpoint_file(
    path: str | Path, trust: bool = False, trust_option: str = 'trust=True'
) -> dict[str, Any]:
    """Reads a checkpoint file to the CPU.

    Args:
        path: The file, of PyTorch's format or ``.safetensors``.
        trust: Whether to read a file with other things in it, which then may do
            anything that its author wants.
        trust_option: What the user has to give for that, for the message.

    Returns:
        dict[str, Any]: What is in the file; at least ``state_dict``.

    Raises:
        CheckpointError: If there is no such file, it cannot be read, or it holds more
            than data and is not trusted.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f'no checkpoint file at {path}')
    if path.suffix == '.safetensors':
        try:
            return dict(state_dict=load_safetensors(path))
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f'{path} cannot be read: {error}') from error
    try:
        with allow_data_types():
            content = torch.load(path, map_location='cpu', weights_only=not trust)
    except UnpicklingError as error:
        # Torch raises the same error for a file that is no pickle at all.
        if any(word in str(error) for word in _MORE_THAN_DATA):
            raise CheckpointError(
                f'{path} holds more than weights, and reading it may run code that is '
                f'not yours. If you know where it comes from: {trust_option}'
            ) from error
        raise CheckpointError(f'{path} is no checkpoint file') from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f'{path} cannot be read: {reason}') from error
    if not isinstance(content, dict):
        raise CheckpointError(f'{path} holds a {type(content).__name__}, no weights')
    if 'state_dict' not in content:
        content = dict(state_dict=content)
    return content


def load_fitting(
    model: nn.Module, content: dict, checkpoint: str | Path, config: str | None
) -> dict[str, Tensor]:
    """Loads what is in a checkpoint file, if it fits; returns weights by name."""
    weights = {k.removeprefix('module.'): v for k, v in content['state_dict'].items()}
    check_fit(model, weights, str(checkpoint), str(config))
    load_state_dict(model, weights, strict=False)
    return weights


def check_fit(model: nn.Module, weights: dict, checkpoint: str, config: str) -> None:
    """Compares a checkpoint with a model, by names and shapes.

    mmengine would warn and go on with random weights, whose results mean nothing. That
    a part of the model is missing, which can be meant, is left to that warning.

    Args:
        model: The model.
        weights: Name to tensor.
        checkpoint: Name of the checkpoint, for the message.
        config: Name of the config, for the message.

    Raises:
        CheckpointError: If it fits less than half of the parameters, or one of them has
            another shape, as with another number of classes.
    """
    weights = {k.removeprefix('module.'): v for k, v in weights.items()}
    parameters = dict(model.named_parameters())
    fitting = [
        name
        for name, parameter in parameters.items()
        if getattr(weights.get(name), 'shape', None) == parameter.shape
    ]
    if len(fitting) < len(parameters) / 2:
        misfit = next(name for name in parameters if name not in fitting)
        found = getattr(weights.get(misfit), 'shape', None)
        raise CheckpointError(
            f'{checkpoint} is not a checkpoint of {config}: it fits {len(fitting)} of '
            f'{len(parameters)} parameters; {misfit} should be '
            f'{tuple(parameters[misfit].shape)} and is '
            f'{"missing" if found is None else tuple(found)}'
        )
    for name, parameter in parameters.items():
        # Position embeddings are resized on loading.
        if name in weights and name not in fitting and 'pos_embed' not in name:
            raise CheckpointError(
                f'{checkpoint} does not fit {config}: {name} should be '
                f'{tuple(parameter.shape)} and is {tuple(weights[name].shape)}; use '
                'the config and the --cfg-options that it was trained with '
                '(num_classes, num_slots, arch, ...)'
            )


def load_weights_only(
    trust: bool = False,
    trust_option: str = 'tools/train.py and tools/test.py have --trust-checkpoint',
) -> None:
    """Makes mmengine, in this process, load checkpoints that hold nothing but data.

    By itself it warns, and runs what code there is. This is for all that the runner
    loads: ``load_from``, ``resume`` and ``Pretrained``.

    Args:
        trust: Whether to read files with other things in them, too.
        trust_option: What the user has to give for that, for the message.
    """

    def load_from_file(filename: str, map_location: Any = None) -> dict[str, Any]:
        # On the CPU, whatever `map_location`: each part is copied to where it belongs.
        path = Path(filename).expanduser()
        return load_checkpoint_file(path, trust, trust_option)

    CheckpointLoader.register_scheme('', load_from_file, force=True)
    # For what comes from elsewhere (http://...), with the error that torch has for it.
    os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '0' if trust else '1'


def find_damage(path: str | Path) -> str | None:
    """Checks a checkpoint file by the checksums in it, or, if it has none, by reading.

    Args:
        path: The file.

    Returns:
        str | None: What is wrong with it, or None.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as file:
                broken = file.testzip()
            return broken and f'the checksum of {broken} in it is wrong'
        load_checkpoint_file(path)
    except CheckpointError as error:
        return str(error)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError) as error:
        return str(error)
    return None


def allow_data_types() -> AbstractContextManager:
    """Lets torch read what mmengine's checkpoints hold besides weights."""
    if hasattr(torch.serialization, 'safe_globals'):
        return torch.serialization.safe_globals(_data_types())
    # torch 2.4: until the process ends
    torch.serialization.add_safe_globals(_data_types())
    return nullcontext()


def _data_types() -> list:
    """What mmengine's checkpoints hold besides weights, none of which runs code."""
    # float32 and others, which mmengine forgets, are in what mmseg logs.
    kinds = [type(np.dtype(kind)) for kind in ('f8', 'f4', 'f2', 'i8', 'i4', 'u4', '?')]
    try:
        from mmengine.runner.checkpoint import get_torch_safe_globals
    except ImportError:  # upstream mmengine
        core = getattr(np, '_core', None) or np.core
        array = (core.multiarray._reconstruct, core.multiarray.scalar, np.ndarray)
        return [HistoryBuffer, getattr, *array, np.dtype, *kinds]
    return [*get_torch_safe_globals(), *kinds]
