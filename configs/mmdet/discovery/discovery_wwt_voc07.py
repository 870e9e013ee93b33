# Object discovery on VOC07 trainval by the masks of WWT-Small:
#
#   python tools/test.py configs/mmdet/discovery/discovery_wwt_voc07.py \
#       work_dirs/wwt_small_in1k/epoch_300.pth
_base_ = [
    '../../_base_/models/discovery_wwt.py',
    '../../_base_/datasets/discovery_voc07.py',
    '../../_base_/default_runtime.py',
]

custom_hooks = [*_base_.custom_hooks, dict(type='DiscoveryGridHook')]
