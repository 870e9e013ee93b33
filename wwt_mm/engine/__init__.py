"""What runs a config of any of the libraries: the inside of :file:`tools/`."""

from .bfloat16 import BFloat16OptimWrapper, cpu_has_bfloat16
from .config import load_config
from .distributed import prepare_cpu_processes
from .mean_loss_hook import MeanLossHook

__all__ = [
    'BFloat16OptimWrapper',
    'MeanLossHook',
    'cpu_has_bfloat16',
    'load_config',
    'prepare_cpu_processes',
]
