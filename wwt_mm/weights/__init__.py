"""Models that are part of the package, each a folder with its model card."""

from pathlib import Path

#: WWT-Micro, trained on the labels of 100 classes of small photographs.
SHIPPED_MODEL = Path(__file__).parent / 'wwt_micro_tinyimagenet'
