"""Reads JSON files that an earlier run, or somebody's editor, has left."""

import json
from pathlib import Path
from typing import Any

from ..errors import ResultError


def read_json(path: str | Path, kind: type, keys: tuple[str, ...] = ()) -> Any:
    """Reads a file of results.

    Args:
        path: The file.
        kind: What it must hold: ``dict`` or ``list``.
        keys: What a dict must have.

    Raises:
        ResultError: If it cannot be read or holds something else.
    """
    try:
        content = json.loads(Path(path).read_bytes())
    # A number of thousands of digits is a ValueError, brackets may nest too deep.
    except (OSError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())
        raise _wrong(path, f'it cannot be read as JSON ({reason})') from error
    if not isinstance(content, kind):
        raise _wrong(path, f'it holds a {type(content).__name__}, no {kind.__name__}')
    missing = [key for key in keys if key not in content]
    if missing:
        raise _wrong(path, f'it has no {", ".join(missing)}')
    return content


def _wrong(path: str | Path, reason: str) -> ResultError:
    return ResultError(f'{path} is no result of this tool: {reason}. Move it away')
