# SLATE's schedule on VOC in DINOSAUR's authors' public configs.
_base_ = './ocl_300k.py'

train_cfg = dict(max_iters=400000)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=30000),
    # Halved every 250,000 iterations, after the warm-up
    dict(type='ExponentialLR', gamma=0.5 ** (1 / 250000), by_epoch=False, begin=30000),
]
