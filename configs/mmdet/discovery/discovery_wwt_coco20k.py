# Object discovery on COCO20k by the masks of WWT-Small:
#
#   python tools/test.py configs/mmdet/discovery/discovery_wwt_coco20k.py \
#       work_dirs/wwt_small_in1k/epoch_300.pth
#
# Paper, Tables 3 and 4: CorLoc 30.2; recall 19.8 with 16.2 boxes per image.
_base_ = [
    '../../_base_/models/discovery_wwt.py',
    '../../_base_/datasets/discovery_coco20k.py',
    '../../_base_/default_runtime.py',
]

custom_hooks = [*_base_.custom_hooks, dict(type='DiscoveryGridHook')]
