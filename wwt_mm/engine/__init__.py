"""What runs a config of any of the libraries: the inside of :file:`tools/`."""

from .config import load_config
from .distributed import prepare_cpu_processes
from .mean_loss_hook import MeanLossHook
from .precision import BFloat16OptimWrapper

__all__ = [
    'BFloat16OptimWrapper',
    'MeanLossHook',
    'load_config',
    'prepare_cpu_processes',
]
