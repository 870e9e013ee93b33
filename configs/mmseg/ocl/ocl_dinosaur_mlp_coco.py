# DINOSAUR-MLP on COCO (paper, Table 5: 27.7, 30.9 mBO_i, mBO_c).
_base_ = [
    '../../_base_/models/ocl_dinosaur_mlp.py',
    '../../_base_/datasets/ocl_coco.py',
    '../../_base_/schedules/ocl_300k.py',
]

model = dict(grouping=dict(num_slots=7))
train_cfg = dict(max_iters=500000)
