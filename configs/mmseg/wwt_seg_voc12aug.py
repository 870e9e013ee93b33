# WWT-SEG on VOC12 (paper, Table 6: 61.3 mIoU), trained on trainaug: 10,582 images, with
# the labels of SBD. The paper does not say so, but its FCN (66.5) is near mmseg's on
# trainaug (67.08).
#
# The paper starts from WWT-Small pretrained on ImageNet, which without further options
# is left out. Give the checkpoint of configs/mmpretrain/wwt_small_in1k.py:
#
#   tools/dist_train.sh configs/mmseg/wwt_seg_voc12aug.py 8 \
#       --cfg-options load_from=work_dirs/wwt_small_in1k/epoch_300.pth
_base_ = [
    '../_base_/models/wwt_seg.py',
    '../_base_/datasets/voc12_seg_aug.py',
    '../_base_/schedules/seg_20k.py',
]
