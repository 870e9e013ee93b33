"""What a result's reader has to know: versions, revision, machine."""

import platform
import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import torch

from wwt_mm.requirements import REQUIREMENTS, installed_version
from wwt_mm.version import __version__

from .cores import usable_cores


def versions() -> dict[str, str]:
    """Versions of what computes: Python, this project, its libraries, numpy."""
    found = {'python': platform.python_version(), 'wwt-mm': __version__}
    for name, requirement in REQUIREMENTS.items():
        found[name] = installed_version(requirement) or 'not installed'
    return found | {'numpy': metadata.version('numpy')}


@lru_cache
def git_revision(repository: Path) -> str | None:
    """The commit that is checked out, with ``+changes`` if files differ from it.

    Returns:
        str | None: None if there is no repository, or no git.
    """
    revision = _git(repository, 'rev-parse', '--short=12', 'HEAD')
    if revision is None:
        return None
    changes = _git(repository, 'status', '--porcelain', '--untracked-files=no')
    return f'{revision}+changes' if changes else revision


def machine(threads: int) -> dict[str, str | int]:
    """Processor, cores that may be used, device, and threads of each run."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu'
    return dict(
        processor=_processor(), cores=usable_cores(), device=device, threads=threads
    )


def _processor() -> str:
    try:
        for line in Path('/proc/cpuinfo').read_text().splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git(repository: Path, *arguments: str) -> str | None:
    try:
        finished = subprocess.run(
            ['git', *arguments], cwd=repository, capture_output=True, text=True
        )
    except OSError:
        return None
    return finished.stdout.strip() if finished.returncode == 0 else None
