"""Checkpoints that survive a kill at any moment, and how to find the last of them."""

import logging
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..errors import CheckpointError
from .atomic import ATOMIC_BACKEND, remove_unfinished, write_atomically
from .weights import find_damage

_POINTER = 'last_checkpoint'


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, safe against SIGKILL at any moment.

    Each checkpoint, and the file ``last_checkpoint`` that names the newest, is
    replaced in one step, and an outdated or formerly best checkpoint is removed only
    when its successor is in place. Takes the arguments of ``CheckpointHook``.
    Checkpoints in a remote ``out_dir`` are written by its own backend.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        is_local = '://' not in str(self.out_dir or '')
        if is_local and self.backend_args is None and self.file_client_args is None:
            self.backend_args = dict(backend=ATOMIC_BACKEND)

    def before_train(self, runner: Runner) -> None:
        """Finds out where to write, and clears what a killed run left half-written."""
        super().before_train(runner)
        if is_main_process():
            _clear(runner, self.out_dir, f'*{Path(self.filename_tmpl).suffix}')
            _clear(runner, runner.work_dir, _POINTER)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        kept = list(getattr(self, 'keep_ckpt_ids', ()))
        if self.max_keep_ckpts > 0 and step not in kept:
            kept.append(step)
            # Saved with the checkpoint: a resumed run removes what this one could not.
            runner.message_hub.update_info('keep_ckpt_ids', kept)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            pointer = Path(runner.work_dir, _POINTER)
            write_atomically(str(self.last_ckpt).encode(), pointer)
        if self.max_keep_ckpts > 0:
            self._drop_outdated(runner, kept)

    def _drop_outdated(self, runner: Runner, kept: list[int]) -> None:
        """Removes all but the newest checkpoints."""
        outdated = kept[: -self.max_keep_ckpts]
        self.keep_ckpt_ids = deque(kept[-self.max_keep_ckpts :], self.max_keep_ckpts)
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        if not is_main_process():
            return
        for step in outdated:
            name = self.filename_tmpl.format(step)
            self._remove(self.file_backend.join_path(self.out_dir, name))

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):  # as DeepSpeed writes them
            self.file_backend.rmtree(path)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        if not self.save_best:  # also where nothing is trained, and no backend is set
            return
        with self._removing_afterwards():
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _removing_afterwards(self) -> Iterator[None]:
        """Puts off every removal by the backend until the block has succeeded."""
        backend, removed = self.file_backend, []
        backend.remove = removed.append
        try:
            yield
        finally:
            del backend.remove  # uncovers the method of the class
        current = {getattr(self, 'best_ckpt_path', None), self.last_ckpt}
        current.update(getattr(self, 'best_ckpt_path_dict', {}).values())
        for path in removed:
            if path not in current:
                backend.remove(path)


def _clear(runner: Runner, folder: str, names: str) -> None:
    for file in remove_unfinished(folder, names):
        runner.logger.info(f'Removed the unfinished file {file}.')


def find_resumable_checkpoint(work_dir: str | Path) -> str | None:
    """Finds the checkpoint that ``--resume`` continues from.

    It is the one that ``last_checkpoint`` names. If the folder was moved, the file of
    the same name in ``work_dir`` is taken. Whether it is whole is not looked at: see
    :func:`find_whole_checkpoint`.

    Args:
        work_dir: The folder of the run.

    Returns:
        str | None: Path of the checkpoint, or None if the run has written none yet.

    Raises:
        CheckpointError: If ``last_checkpoint`` names a file that is not there.
    """
    pointer = Path(work_dir, _POINTER)
    if not pointer.is_file():
        return None
    named = pointer.read_text(errors='replace').strip()
    if '://' in named:
        return named
    for path in (Path(named), Path(work_dir, Path(named).name)):
        if named and path.exists():
            return str(path)
    raise CheckpointError(
        f'{pointer} names {named or "nothing"}, which does not exist; give the '
        'checkpoint to continue from: --resume FILE.pth'
    )


def find_whole_checkpoint(newest: str) -> str:
    """Returns a checkpoint or, with a warning, the newest whole one before it.

    Args:
        newest: A checkpoint, such as ``epoch_3.pth``. Folders and remote files are
            taken as they are.

    Raises:
        CheckpointError: If it is damaged, and so are all before it.
    """
    if not Path(newest).is_file():
        return newest
    damages = []
    for path in (Path(newest), *_list_earlier(Path(newest))):
        damage = find_damage(path)
        if damage is None:
            if damages:
                print_log(
                    f'{"; ".join(damages)}. Going on from {path}',
                    'current',
                    logging.WARNING,
                )
            return str(path)
        damages.append(f'{path} is damaged ({damage})')
    raise CheckpointError(
        f'{"; ".join(damages)}; there is no whole one before it to go on from: restore '
        f'it, or start again in another --work-dir'
    )


def _list_earlier(newest: Path) -> list[Path]:
    """Lists ``epoch_2.pth``, ``epoch_1.pth`` for ``epoch_3.pth``."""
    kind = re.compile(r'(.*?)(\d+)' + re.escape(newest.suffix))
    match = kind.fullmatch(newest.name)
    if match is None:
        return []
    earlier = {}
    for path in newest.parent.glob(f'*{newest.suffix}'):
        other = kind.fullmatch(path.name)
        if other and other[1] == match[1] and int(other[2]) < int(match[2]):
            earlier[int(other[2])] = path
    return [earlier[step] for step in sorted(earlier, reverse=True)]
