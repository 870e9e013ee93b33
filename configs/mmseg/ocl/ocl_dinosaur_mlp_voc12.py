# DINOSAUR-MLP on VOC12 (paper, Table 5: 39.5, 40.9 mBO_i, mBO_c).
_base_ = [
    '../../_base_/models/ocl_dinosaur_mlp.py',
    '../../_base_/datasets/ocl_voc12.py',
    '../../_base_/schedules/ocl_300k.py',
]
