"""What a run depends on, as one short text.

Two runs with the same fingerprint do the same, but for the code: the command (without
the places of this machine), the config that it names with all that it inherits, the
data's own description where there is one, and the same of every run it needs.
"""

import hashlib
import json
from functools import cache, lru_cache
from pathlib import Path

from mmengine.config import Config

from .commands import Places, Settings, build_command
from .run import RunKey, Stage


class Fingerprints:
    """Fingerprints of a stage's runs.

    Args:
        stage: The stage.
        places: Where things are on this machine.
        settings: What holds for all runs.
        repository: The repository's root.
    """

    def __init__(
        self, stage: Stage, places: Places, settings: Settings, repository: Path
    ) -> None:
        self._runs = {run.name: run for run in stage.runs}
        self._stage = stage
        self._places = places
        # Without what changes no result.
        self._settings = Settings(amp=settings.amp, options=settings.options)
        self._given = settings.given
        self._hash = cache(_hash_file)  # a given file serves many runs
        self._repository = repository

    def __call__(self, name: str, seed: int) -> str:
        """The fingerprint of a run with a seed: 16 hexadecimal digits."""
        run = self._runs[name]
        command = build_command(run, seed, anywhere(self._stage), self._settings, None)
        inputs = dict(
            command=command,
            config=read_config(self._repository / run.config),
            data=describe_data(self._places.root(run)) if run.root else '',
            needs={need: self(need, seed) for need in sorted(run.needs)},
        )
        if given := self._given(RunKey(name, seed)):
            inputs['checkpoint'] = self._hash(given)
        text = json.dumps(inputs, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def anywhere(stage: Stage) -> Places:
    """Usual places, for commands that others shall be able to repeat."""
    data = {name: Path(path) for name, path in stage.data.items()}
    return Places(Path('work_dirs/reproduction') / stage.name, data)


def _hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@lru_cache
def read_config(path: Path) -> str:
    """A config with all that it inherits."""
    cfg = Config.fromfile(path, import_custom_modules=False)
    return json.dumps(cfg.to_dict(), sort_keys=True, default=str)


@lru_cache
def describe_data(root: Path) -> str:
    """What generated data says of itself."""
    files = [root / 'scenes.json', root / 'VOC2007' / 'scenes.json']
    return ''.join(file.read_text() for file in files if file.is_file())
