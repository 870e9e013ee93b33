"""Finds label maps that teach nothing: every label but 0 is the one that is ignored."""

from typing import Any

import numpy as np
from PIL import Image

from ..errors import DatasetError

_MAPS = 20


def check_label_maps(dataset: Any) -> None:
    """Looks at some label maps of a dataset of mmseg, spread evenly.

    Binary masks are often written as 0 and 255, and 255 is ignored: training would go
    well, and find background.

    Args:
        dataset: One that has been built. Others than mmseg's are left alone.

    Raises:
        DatasetError: If they hold 0 and the ignored label only.
    """
    ignored = getattr(dataset, 'ignore_index', None)
    if ignored is None or len(dataset.metainfo.get('classes') or ()) < 2:
        return
    seen: set[int] = set()
    for index in range(0, len(dataset), max(1, len(dataset) // _MAPS)):
        path = dataset.get_data_info(index).get('seg_map_path')
        try:
            with Image.open(path or '') as image:
                pixels = np.asarray(image)
        except (OSError, ValueError, SyntaxError):
            return  # remote or broken: who loads it will tell
        if pixels.ndim != 2:
            return
        seen.update(np.unique(pixels).tolist())
        if seen - {0, ignored}:
            return
    if ignored in seen:
        raise DatasetError(
            f'the label maps of {path} and others hold {sorted(seen)} only, and '
            f'{ignored} is ignored: nothing but background is learned. Write the '
            'foreground as 1 (divide by 255), or set ignore_index of the dataset to '
            'another number'
        )
