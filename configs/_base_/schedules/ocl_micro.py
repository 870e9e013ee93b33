# Some 70 epochs of 437 images. Every value is our choice; none is from the paper.
_base_ = './ocl_300k.py'

max_iters = 1000
train_cfg = dict(max_iters=max_iters, val_interval=1000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR', by_epoch=False, begin=100, end=max_iters, eta_min=1e-6
    ),
]
default_hooks = dict(checkpoint=dict(interval=250))
auto_scale_lr = dict(base_batch_size=32)
