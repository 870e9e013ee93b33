# SLATE on COCO; the paper has no numbers.
_base_ = [
    '../../_base_/models/ocl_slate.py',
    '../../_base_/datasets/ocl_coco_128.py',
    '../../_base_/schedules/ocl_slate.py',
]

model = dict(grouping=dict(num_slots=11))
train_cfg = dict(max_iters=250000)
