"""Shows what a model sees in images; see `python tools/slots.py --help`."""

from wwt_mm.engine.cli import run_tool
from wwt_mm.inference.run import main

if __name__ == '__main__':
    run_tool(main)
