# Slot Attention on COCO (paper, Table 5: 17.2, 19.2 mBO_i, mBO_c).
_base_ = [
    '../../_base_/models/ocl_slot_attention.py',
    '../../_base_/datasets/ocl_coco_128.py',
    '../../_base_/schedules/ocl_slot_attention.py',
]
