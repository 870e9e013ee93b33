"""Writes files so that a reader finds the whole old or the whole new one, never half.

The bytes go to a hidden file in the same folder, are flushed to the disk, and are then
moved over the target, which is atomic on a local file system.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from ..errors import WriteError

ATOMIC_BACKEND = 'wwt_mm_atomic_local'
_TEMPORARY = '.{}.tmp'


def write_atomically(content: bytes, path: str | Path, flush: bool = True) -> None:
    """Writes a file all at once, replacing a former one.

    Args:
        content: The whole content of the file.
        path: Where to write it. Missing folders are made.
        flush: Whether to wait until the disk has it, which guards against power cuts
            and may take half a second; a killed process leaves no half files anyway.

    Raises:
        WriteError: If it cannot be written, as on a full disk. The former file is
            whole, and no part of the new one stays.
    """
    path = Path(path)
    temporary = path.with_name(_TEMPORARY.format(path.name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, 'wb') as file:
            file.write(content)
            file.flush()
            if flush:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary.is_file():
            temporary.unlink()
        raise WriteError(_describe(path, len(content), error)) from error
    if flush:
        _flush_folder(path.parent)


def remove_unfinished(folder: str | Path, pattern: str = '*') -> list[Path]:
    """Removes what writers that were killed have left behind.

    Args:
        folder: Where they wrote.
        pattern: Glob pattern of the targets' names.

    Returns:
        list[Path]: The files that were removed.
    """
    unfinished = sorted(Path(folder).glob(_TEMPORARY.format(pattern)))
    for file in unfinished:
        file.unlink(missing_ok=True)
    return unfinished


def _describe(path: Path, size: int, error: OSError) -> str:
    folder = path.parent
    while not folder.is_dir():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return (
        f'cannot write {path}: {error.strerror or error} (it needs {size / 1e6:.1f} '
        f'MB, {free / 1e6:.1f} MB are free on its disk); make room, as by removing old '
        f'checkpoints or by raising the limit or quota, or choose another folder. What '
        'was written before is whole'
    )


def _flush_folder(folder: Path) -> None:
    """Makes the new name survive a power cut, where the system can do that."""
    # Network and overlay file systems, and Windows, may refuse to flush a folder. The
    # file itself is whole on the disk, so that is no reason to end a training.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@register_backend(ATOMIC_BACKEND, force=True)
class AtomicLocalBackend(LocalBackend):
    """mmengine's storage backend for local files, with atomic writes.

    Usable wherever mmengine takes ``backend_args``:
    ``dict(backend='wwt_mm_atomic_local')``.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Writes bytes to a file, all at once."""
        write_atomically(obj, filepath)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Writes text to a file, all at once."""
        write_atomically(obj.encode(encoding), filepath)
