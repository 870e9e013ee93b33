# WWT-DET on VOC07 (paper, Table 6: 63.1 mAP).
#
# The paper starts from WWT-Small pretrained on ImageNet, which without further options
# is left out. Give the checkpoint of configs/mmpretrain/wwt_small_in1k.py:
#
#   tools/dist_train.sh configs/mmdet/wwt_det_voc07.py 8 \
#       --cfg-options load_from=work_dirs/wwt_small_in1k/epoch_300.pth
#
# or, in a config of your own,
#
#   model = dict(backbone=dict(init_cfg=dict(
#       type='Pretrained', checkpoint=PATH, prefix='backbone.')))
_base_ = [
    '../_base_/models/wwt_det.py',
    '../_base_/datasets/voc07_det.py',
    '../_base_/schedules/det_150e.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(checkpoint=dict(interval=5, save_best='pascal_voc/mAP'))
