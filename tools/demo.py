"""All of it in ten minutes; see `python tools/demo.py --help`."""

from wwt_mm.demo.main import main
from wwt_mm.engine.cli import run_tool

if __name__ == '__main__':
    run_tool(main)
