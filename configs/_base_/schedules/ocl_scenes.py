# A few minutes on one core. Every value was chosen on scenes; none is from the paper.
_base_ = './ocl_300k.py'

max_iters = 200
train_cfg = dict(max_iters=max_iters, val_interval=200)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters, eta_min=1e-6
    ),
]
default_hooks = dict(checkpoint=dict(interval=200))
auto_scale_lr = dict(base_batch_size=32)
