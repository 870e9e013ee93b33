"""What the content of a folder was made from, so that other results do not join it."""

import json
from pathlib import Path
from typing import Any

from .atomic import write_atomically
from .json_file import read_json


class FolderRecord:
    """The settings that the content of a folder depends on, in a JSON file in it.

    Args:
        path: The file.
        settings: The settings by name, in groups (dicts of dicts) or not.
    """

    def __init__(self, path: str | Path, settings: dict[str, Any]) -> None:
        self.path = Path(path)
        self.settings = settings

    def find_changes(self) -> dict[str, tuple[Any, Any]] | None:
        """Compares the settings with those that the folder was filled with.

        Returns:
            Their former and present values where these differ, by ``NAME`` or
            ``GROUP.NAME``; ``None`` if nothing is recorded.

        Raises:
            ResultError: If the file is no record.
        """
        if not self.path.is_file():
            return None
        old = _flatten(read_json(self.path, dict))
        new = _flatten(json.loads(json.dumps(self.settings)))
        names = [name for name in new | old if old.get(name) != new.get(name)]
        return {name: (old.get(name), new.get(name)) for name in names}

    def write(self) -> None:
        """Writes the file, all at once."""
        write_atomically(f'{json.dumps(self.settings, indent=2)}\n'.encode(), self.path)


def _flatten(settings: dict[str, Any]) -> dict[str, Any]:
    flat = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= {f'{name}.{part}': each for part, each in value.items()}
        else:
            flat[name] = value
    return flat
