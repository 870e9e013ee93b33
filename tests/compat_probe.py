"""Prints, as JSON, what a process meets whose mmcv has no compiled ops.

test_compat.py runs it once and reads its findings. It is a process of its own because
the libraries must be imported after the ops have gone, which takes long.
"""

import json
import sys
from importlib.machinery import PathFinder

found = {}


def hide_compiled_ops():
    """Makes mmcv look like one installed without a compiler."""
    find_spec = PathFinder.find_spec

    def find(name, *args):
        return None if name == 'mmcv._ext' else find_spec(name, *args)

    PathFinder.find_spec = staticmethod(find)


def failure(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


hide_compiled_ops()

import wwt_mm.compat  # noqa: E402

wwt_mm.compat.activate()
found['finders'] = [type(finder).__name__ for finder in sys.meta_path]

from mmcv import ops  # noqa: E402

found['modules'] = [
    sys.modules[name].__class__.__name__ for name in ('mmcv._ext', 'mmcv.ops')
]
found['dunders'] = [
    name
    for name in ('__file__', '__wrapped__')
    if hasattr(sys.modules['mmcv._ext'], name)
]
found['line_nms'] = getattr(ops, 'line_nms', None)  # upstream mmcv has none


class DeformConv(ops.DeformConv2d):
    """As libraries do at import time."""


import mmdet.apis  # noqa: E402
import mmdet.models  # noqa: E402
import mmpretrain.models  # noqa: E402, F401
import mmseg.apis  # noqa: E402, F401
import mmseg.models  # noqa: E402, F401
import torch  # noqa: E402
from mmcv.utils.env import collect_env  # noqa: E402
from mmdet.registry import MODELS  # noqa: E402
from mmengine.model import convert_sync_batchnorm, revert_sync_batchnorm  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from mmengine.utils.dl_utils import mmcv_full_available  # noqa: E402

found['compiler'] = collect_env()['MMCV Compiler']

init_default_scope('mmdet')
found['subclass'] = failure(
    DeformConv(1, 1, 3, padding=1), torch.rand(1, 1, 4, 4), torch.rand(1, 18, 4, 4)
)
deformable_resnet = MODELS.build(
    dict(
        type='ResNet',
        depth=50,
        base_channels=4,
        dcn=dict(type='DCNv2', deform_groups=1, fallback_on_stride=False),
        stage_with_dcn=(False, False, False, True),
    )
)
images = torch.rand(1, 3, 32, 32)
found['deformable_resnet'] = failure(deformable_resnet, images)

extractor = MODELS.build(
    dict(
        type='SingleRoIExtractor',
        roi_layer=dict(type='RoIAlign', output_size=2, pool_mode='max'),
        out_channels=3,
        featmap_strides=[1],
    )
)
region = torch.tensor([[0.0, 2, 2, 9, 9]])
found['max_roi_align'] = failure(extractor, [images], region)

boxes, scores = torch.rand(5, 4), torch.rand(5, 3)
soft = dict(type='soft_nms', iou_threshold=0.5)
found['soft_nms'] = failure(
    mmdet.models.layers.multiclass_nms, boxes, scores, 0.0, soft
)
logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 3])
found['focal_loss'] = mmdet.models.losses.FocalLoss()(logits, labels).item()
target = torch.nn.functional.one_hot(labels, 4)[:, :3]
for_target = torch.where(target == 1, logits.sigmoid(), 1 - logits.sigmoid())
alpha = torch.where(target == 1, 0.25, 0.75)
reference = -alpha * (1 - for_target) ** 2 * for_target.log()
found['focal_loss_reference'] = reference.mean().item()

synchronised = convert_sync_batchnorm(torch.nn.BatchNorm2d(3))
found['full mmcv'] = mmcv_full_available()
found['reverted'] = type(revert_sync_batchnorm(synchronised)).__name__
print(json.dumps(found))
