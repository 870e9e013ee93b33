# WWT-OCL, zero-shot on COCO (paper, Table 5: 16.2, 19.5 mBO_i, mBO_c).
# Only tested, with the checkpoint of configs/mmpretrain/wwt_small_in1k.py.
_base_ = [
    '../../_base_/models/ocl_wwt_zeroshot.py',
    '../../_base_/datasets/ocl_coco.py',
    '../../_base_/schedules/ocl_300k.py',
]
