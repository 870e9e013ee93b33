"""Measures the paper's claims; see `python tools/reproduce.py --help`."""

import signal

from wwt_mm.engine.cli import run_tool
from wwt_mm.reproduction.main import main

if __name__ == '__main__':
    # As Ctrl-C: ends the runs that were started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run_tool(main)
