"""The What-Where Transformer for the OpenMMLab libraries.

Importing it registers :class:`~wwt_mm.backbone.WhatWhereTransformer` and
:class:`~wwt_mm.neck.SimplePyramid` in mmengine's root registry, so
``custom_imports = dict(imports=['wwt_mm'])`` is all that a config of mmdet, mmseg or
mmpretrain needs to use them. The heads live in :mod:`wwt_mm.classification`,
:mod:`wwt_mm.detection` and :mod:`wwt_mm.segmentation`, each of which imports its own
library only.
"""

from .compat import activate as _activate_compat
from .compat import find_mmseg_configs as _find_mmseg_configs
from .requirements import require as _require
from .version import __version__

_require('torch', 'mmengine', 'mmcv')
# Before anything imports mmdet, which cannot do without mmcv.ops.
_activate_compat()
_find_mmseg_configs()

from .backbone import SlotMasks, WhatWhereTransformer  # noqa: E402
from .neck import SimplePyramid  # noqa: E402

__all__ = ['SimplePyramid', 'SlotMasks', 'WhatWhereTransformer', '__version__']
