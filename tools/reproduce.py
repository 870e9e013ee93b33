"""Measures the paper's claims; see `python tools/reproduce.py --help`."""

import signal
import sys
from pathlib import Path

# The reproduction is a project of the clone, and not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reproduction.main import main  # noqa: E402
from wwt_mm.engine.cli import run_tool  # noqa: E402

if __name__ == '__main__':
    # As Ctrl-C: ends the runs that were started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run_tool(main)
