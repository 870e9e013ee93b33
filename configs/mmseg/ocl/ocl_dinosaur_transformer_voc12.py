# DINOSAUR-Trans. on VOC12 (paper, Table 5: 44.0, 51.2 mBO_i, mBO_c).
_base_ = [
    '../../_base_/models/ocl_dinosaur_transformer.py',
    '../../_base_/datasets/ocl_voc12.py',
    '../../_base_/schedules/ocl_300k.py',
]
