"""What the tools of :file:`tools/` need to run a config of any of the libraries."""

from .atomic import AtomicLocalBackend, write_atomically
from .bad_image_hook import BadImageHook
from .bfloat16 import BFloat16OptimWrapper, cpu_has_bfloat16
from .checkpoint_hook import AtomicCheckpointHook, find_resumable_checkpoint
from .config import load_config
from .dataset_check import check_datasets
from .distributed import prepare_cpu_processes
from .invalid_loss_hook import InvalidLossHook
from .mean_loss_hook import MeanLossHook
from .random_state import RandomStateHook

__all__ = [
    'AtomicCheckpointHook',
    'AtomicLocalBackend',
    'BFloat16OptimWrapper',
    'BadImageHook',
    'InvalidLossHook',
    'MeanLossHook',
    'RandomStateHook',
    'check_datasets',
    'cpu_has_bfloat16',
    'find_resumable_checkpoint',
    'load_config',
    'prepare_cpu_processes',
    'write_atomically',
]
