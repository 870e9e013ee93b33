# wwt_seg_voc12aug.py, trained on VOC12 train alone: 1,464 images.
_base_ = [
    '../_base_/models/wwt_seg.py',
    '../_base_/datasets/voc12_seg.py',
    '../_base_/schedules/seg_20k.py',
]
