# The counterpart of wwt_seg_voc12aug.py (paper, Table 6: 59.9 mIoU): the same head on
# patch tokens.
_base_ = [
    '../_base_/models/wwt_seg_tokens.py',
    '../_base_/datasets/voc12_seg_aug.py',
    '../_base_/schedules/seg_20k.py',
]
