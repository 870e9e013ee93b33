"""The colours of Pascal VOC's label maps."""

import numpy as np


def voc_palette(colours: int = 256) -> np.ndarray:
    """The colour map of Pascal VOC: (colours, 3) uint8 RGB.

    The bits of the index, from the lowest, go in turn to red, green and blue, each
    channel being filled from its highest bit.
    """
    index = np.arange(colours)
    palette = np.zeros((colours, 3), np.uint8)
    for bit in range(8):
        channel, level = bit % 3, 7 - bit // 3
        palette[:, channel] |= ((index >> bit & 1) << level).astype(np.uint8)
    return palette
