# wwt_seg_tokens_voc12aug.py, trained on VOC12 train alone.
_base_ = [
    '../_base_/models/wwt_seg_tokens.py',
    '../_base_/datasets/voc12_seg.py',
    '../_base_/schedules/seg_20k.py',
]
