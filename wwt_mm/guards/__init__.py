"""Never lose a run: whole files, runs that resume, bad images, losses and data.

Imports nothing of wwt_mm but its errors, so that any config can use it.
"""

from .atomic import AtomicLocalBackend, write_atomically
from .bad_image_hook import BadImageHook
from .checkpoint_hook import AtomicCheckpointHook, find_resumable_checkpoint
from .dataset_check import check_datasets
from .invalid_loss_hook import InvalidLossHook
from .random_state import RandomStateHook

__all__ = [
    'AtomicCheckpointHook',
    'AtomicLocalBackend',
    'BadImageHook',
    'InvalidLossHook',
    'RandomStateHook',
    'check_datasets',
    'find_resumable_checkpoint',
    'write_atomically',
]
