# Object discovery on VOC12 trainval by the masks of WWT-Small:
#
#   python tools/test.py configs/mmdet/discovery/discovery_wwt_voc12.py \
#       work_dirs/wwt_small_in1k/epoch_300.pth
#
# Paper, Tables 3 and 4: CorLoc 41.4; recall 42.4 with 16.3 boxes per image.
_base_ = [
    '../../_base_/models/discovery_wwt.py',
    '../../_base_/datasets/discovery_voc12.py',
    '../../_base_/default_runtime.py',
]

custom_hooks = [*_base_.custom_hooks, dict(type='DiscoveryGridHook')]
