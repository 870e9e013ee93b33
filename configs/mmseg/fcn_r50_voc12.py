# fcn_r50_voc12aug.py, trained on VOC12 train alone.
_base_ = [
    '../_base_/models/fcn_r50_seg.py',
    '../_base_/datasets/voc12_seg.py',
    '../_base_/schedules/fcn_20k.py',
]
