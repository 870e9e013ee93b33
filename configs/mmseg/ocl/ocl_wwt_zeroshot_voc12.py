# WWT-OCL, zero-shot on VOC12 (paper, Table 5: 29.9, 31.8 mBO_i, mBO_c).
# Only tested, with the checkpoint of configs/mmpretrain/wwt_small_in1k.py.
_base_ = [
    '../../_base_/models/ocl_wwt_zeroshot.py',
    '../../_base_/datasets/ocl_voc12.py',
    '../../_base_/schedules/ocl_300k.py',
]
