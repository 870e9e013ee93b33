# Slot Attention on VOC12 (paper, Table 5: 24.6, 24.9 mBO_i, mBO_c).
_base_ = [
    '../../_base_/models/ocl_slot_attention.py',
    '../../_base_/datasets/ocl_voc12_128.py',
    '../../_base_/schedules/ocl_slot_attention.py',
]
