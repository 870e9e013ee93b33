# wwt_det_tokens_voc07.py, trained on VOC07 + VOC12 trainval.
_base_ = [
    '../_base_/models/wwt_det_tokens.py',
    '../_base_/datasets/voc0712_det.py',
    '../_base_/schedules/det_150e.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(checkpoint=dict(interval=5, save_best='pascal_voc/mAP'))
