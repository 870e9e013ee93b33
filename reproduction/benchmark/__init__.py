"""Time and memory of models side by side: the inside of the benchmark tool."""

from .memory import peak_memory
from .report import draw_curves, print_slopes, print_tables, to_json
from .subjects import Settings, Subject, build_subject
from .timing import Timing, machine_rate, time_subjects

__all__ = [
    'Settings',
    'Subject',
    'Timing',
    'build_subject',
    'draw_curves',
    'machine_rate',
    'peak_memory',
    'print_slopes',
    'print_tables',
    'time_subjects',
    'to_json',
]
