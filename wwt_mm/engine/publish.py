"""Makes a checkpoint of a training run fit to be handed on."""

import hashlib
import io
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError
from .atomic import write_atomically
from .weights import allow_data_types

# The rest (optimizer, schedules, message hub, averaged weights' twin) only serves to
# resume. Where weights are averaged (EMAHook), state_dict holds the averages.
_PUBLISHED = ('meta', 'state_dict')
_HASH_LENGTH = 8


def publish_checkpoint(path: str | Path, out: str | Path | None = None) -> Path:
    """Keeps a checkpoint's weights and meta data, and puts a hash into its name.

    The name ends in ``-`` and the first 8 hexadecimal digits of the file's SHA-256, as
    in the libraries' model zoos, which ``torch.hub`` checks on download. The same
    checkpoint gives the same file, whenever it is published; a former hash in the name
    is replaced.

    Args:
        path: The checkpoint, read without running code that it may hold.
        out: Where to write it, before the hash is added (default: beside ``path``,
            under its name).

    Returns:
        Path: The file that was written, all at once.

    Raises:
        CheckpointError: If it cannot be read, holds no weights, or weights that are not
            finite.
    """
    path = Path(path)
    checkpoint = _read(path)
    weights = _find_weights(checkpoint, path)
    published = {key: checkpoint[key] for key in _PUBLISHED if key in checkpoint}
    published['state_dict'] = weights
    buffer = io.BytesIO()
    torch.save(published, buffer)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()[:_HASH_LENGTH]
    out = Path(path if out is None else out)
    name = re.sub(r'(-[0-9a-f]{8})?(\.pth)?$', f'-{digest}.pth', out.name, count=1)
    target = out.with_name(name)
    write_atomically(content, target)
    return target


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(f'{path} is no file: give a checkpoint, as epoch_300.pth')
    try:
        # Not mmengine's loader, which runs code where data alone do not load.
        with allow_data_types():
            checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f'{path} cannot be read as a checkpoint: {reason}'
        ) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f'{path} holds a {type(checkpoint).__name__}, no weights')
    return checkpoint


def _find_weights(checkpoint: dict[str, Any], path: Path) -> dict[str, Tensor]:
    """Finds the weights: in ``state_dict``, or the whole checkpoint."""
    weights = checkpoint.get('state_dict', checkpoint)
    if not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise CheckpointError(
            f'{path} holds no weights: its keys are {list(checkpoint)[:8]}, '
            'and a checkpoint of mmengine has state_dict'
        )
    for name, value in weights.items():
        if not value.isfinite().all():
            raise CheckpointError(
                f'{name} of {path} holds values that are not finite: publish an '
                'earlier checkpoint'
            )
    return weights
