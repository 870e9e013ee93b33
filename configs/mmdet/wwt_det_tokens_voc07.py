# The counterpart of wwt_det_voc07.py (paper, Table 6: 37.8 mAP): the same head on patch
# tokens.
_base_ = [
    '../_base_/models/wwt_det_tokens.py',
    '../_base_/datasets/voc07_det.py',
    '../_base_/schedules/det_150e.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(checkpoint=dict(interval=5, save_best='pascal_voc/mAP'))
