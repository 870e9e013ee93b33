# Slot Attention's schedule in DINOSAUR's authors' public configs, on VOC and COCO.
_base_ = './ocl_300k.py'

max_iters = 500000
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=2e-4, by_epoch=False, begin=0, end=2500),
    dict(
        type='CosineAnnealingLR', by_epoch=False, begin=2500, end=max_iters, eta_min=0.0
    ),
]
