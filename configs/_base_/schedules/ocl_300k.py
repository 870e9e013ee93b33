# DINOSAUR's schedule on VOC (its authors' public configs): Adam, batches of 64 images.
# The length and rates of WWT-OCL are not given in the paper.
_base_ = '../default_runtime.py'

max_iters = 300000
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=4e-4, fused=True),
    clip_grad=dict(max_norm=1.0, norm_type=2),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=10000),
    # Halved every 100,000 iterations, after the warm-up
    dict(type='ExponentialLR', gamma=0.5 ** (1 / 100000), by_epoch=False, begin=10000),
]

# Counted in iterations, not epochs.
default_hooks = dict(
    logger=dict(interval=50, log_metric_by_epoch=False),
    checkpoint=dict(by_epoch=False, interval=10000),
    visualization=dict(type='SlotVisualizationHook'),
)
log_processor = dict(by_epoch=False)

# 8 GPUs x 8 images; used with `tools/train.py --auto-scale-lr`.
auto_scale_lr = dict(base_batch_size=64)
