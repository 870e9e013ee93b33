"""All of it in ten minutes; see `python tools/demo.py --help`."""

import signal

from wwt_mm.demo.main import main
from wwt_mm.engine.cli import run_tool

if __name__ == '__main__':
    # As Ctrl-C: ends the runs that were started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run_tool(main)
