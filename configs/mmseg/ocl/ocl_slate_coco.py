# SLATE on COCO; the paper has no numbers.
# Ours has no discrete VAE: see configs/_base_/models/ocl_slate.py.
_base_ = [
    '../../_base_/models/ocl_slate.py',
    '../../_base_/datasets/ocl_coco_128.py',
    '../../_base_/schedules/ocl_300k.py',
]

model = dict(grouping=dict(num_slots=7))
train_cfg = dict(max_iters=500000)
