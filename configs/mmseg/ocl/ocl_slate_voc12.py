# SLATE on VOC12 (paper, Table 5: 31.0, 32.4 mBO_i, mBO_c).
_base_ = [
    '../../_base_/models/ocl_slate.py',
    '../../_base_/datasets/ocl_voc12_128.py',
    '../../_base_/schedules/ocl_slate.py',
]
