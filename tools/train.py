"""Trains a model of mmdet, mmseg or mmpretrain; see `python tools/train.py --help`."""

from wwt_mm.engine.cli import run_tool
from wwt_mm.engine.train import main

if __name__ == '__main__':
    run_tool(main)
