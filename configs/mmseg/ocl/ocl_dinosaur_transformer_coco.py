# DINOSAUR-Trans. on COCO (paper, Table 5: 32.3, 38.8 mBO_i, mBO_c).
_base_ = [
    '../../_base_/models/ocl_dinosaur_transformer.py',
    '../../_base_/datasets/ocl_coco.py',
    '../../_base_/schedules/ocl_300k.py',
]

model = dict(grouping=dict(num_slots=7), decoder=dict(num_heads=8))
train_cfg = dict(max_iters=500000)
