"""The What-Where Transformer for the OpenMMLab libraries.

Importing it registers :class:`~wwt_mm.backbone.WhatWhereTransformer` and
:class:`~wwt_mm.neck.SimplePyramid` in mmengine's root registry, so
``custom_imports = dict(imports=['wwt_mm'])`` is all that a config of mmdet, mmseg or
mmpretrain needs to use them. The heads live in :mod:`wwt_mm.classification`,
:mod:`wwt_mm.detection` and :mod:`wwt_mm.segmentation`, each of which imports its own
library only. :class:`~wwt_mm.inference.SlotInferencer` is loaded when it is first asked
for.
"""

from typing import TYPE_CHECKING

from .compat import activate as _activate_compat
from .compat import find_mmseg_configs as _find_mmseg_configs
from .compat import leave_out_multimodal_models as _leave_out_multimodal_models
from .requirements import require as _require
from .version import __version__

_require('torch', 'mmengine', 'mmcv')
# Before anything imports mmdet, which cannot do without mmcv.ops.
_activate_compat()
_find_mmseg_configs()
_leave_out_multimodal_models()

from mmengine.config.utils import MODULE2PACKAGE as _packages_with_configs  # noqa: E402

from .backbone import SlotMasks, WhatWhereTransformer  # noqa: E402
from .neck import SimplePyramid  # noqa: E402

# So that mmengine finds `wwt_mm::mmdet/...` in the .mim of the installed package.
_packages_with_configs.setdefault('wwt_mm', 'wwt_mm')

if TYPE_CHECKING:
    from .inference import SlotInferencer

__all__ = [
    'SimplePyramid',
    'SlotInferencer',
    'SlotMasks',
    'WhatWhereTransformer',
    '__version__',
]


def __getattr__(name: str) -> type:
    if name != 'SlotInferencer':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from .inference import SlotInferencer

    return SlotInferencer
