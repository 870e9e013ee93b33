"""Measures the paper's claims; see `python tools/reproduce.py --help`."""

from wwt_mm.engine.cli import run_tool
from wwt_mm.reproduction.main import main

if __name__ == '__main__':
    run_tool(main)
