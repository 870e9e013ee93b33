# WWT-DET trained on VOC07 + VOC12 trainval, tested on VOC07 test. Pretrained weights:
# as in wwt_det_voc07.py.
_base_ = [
    '../_base_/models/wwt_det.py',
    '../_base_/datasets/voc0712_det.py',
    '../_base_/schedules/det_150e.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(checkpoint=dict(interval=5, save_best='pascal_voc/mAP'))
