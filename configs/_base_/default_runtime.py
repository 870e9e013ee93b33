# How a run is logged, saved and repeated, for all three libraries. What belongs to one
# of them (default_scope, visualizer, visualization hook) is set with its task.
_base_ = './guards.py'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # A run killed while writing a checkpoint still has the one before. The full name
    # lets the libraries' own tools find the hook.
    checkpoint=dict(
        type='wwt_mm.guards.AtomicCheckpointHook', interval=1, max_keep_ckpts=3
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
)
custom_hooks = [*_base_.custom_hooks, dict(type='wwt_mm.engine.MeanLossHook')]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)

log_level = 'INFO'
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True)
load_from = None
resume = False

# No seed: the run draws one, logs it, and keeps it when resumed.
randomness = dict(seed=None, deterministic=False)
