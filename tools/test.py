"""Tests a model of mmdet, mmseg or mmpretrain; see `python tools/test.py --help`."""

from wwt_mm.engine.cli import run_tool
from wwt_mm.engine.test import main

if __name__ == '__main__':
    run_tool(main)
