"""Makes a checkpoint of a training run fit to be handed on."""

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError
from ..guards.atomic import write_atomically
from ..guards.weights import load_checkpoint_file

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
    weights, checkpoint = read_weights(path)
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


def read_weights(
    path: str | Path, dtype: torch.dtype | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads weights that are fit to be handed on.

    Args:
        path: The checkpoint.
        dtype: What to convert floating-point weights to.

    Returns:
        The weights by name, and the whole checkpoint.

    Raises:
        CheckpointError: As for :func:`publish_checkpoint`.
    """
    checkpoint = load_checkpoint_file(
        path, trust_option='save its state_dict alone and publish that'
    )
    weights = checkpoint['state_dict']
    if not (isinstance(weights, dict) and weights) or not all(
        isinstance(value, Tensor) for value in weights.values()
    ):
        raise CheckpointError(
            f'{path} holds no weights: a checkpoint has tensors by name in state_dict, '
            f'and this one {str(weights)[:60]!r}'
        )
    for name, value in weights.items():
        if dtype is not None and value.is_floating_point():
            weights[name] = value = value.to(dtype)
        if not value.isfinite().all():
            raise CheckpointError(
                f'{name} of {path} holds values that are not finite'
                f'{f" in {dtype}" if dtype else ""}: publish an earlier checkpoint'
            )
    return weights, checkpoint
