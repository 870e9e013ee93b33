# WWT-SEG on VOC12 with the additional labels of SBD, 10,582 images; otherwise as
# wwt_seg_voc12.py. The paper does not say which of the two its Table 6 uses.
_base_ = [
    '../_base_/models/wwt_seg.py',
    '../_base_/datasets/voc12_seg_aug.py',
    '../_base_/schedules/seg_20k.py',
]
