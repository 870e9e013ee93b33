# Finetuning for segmentation. The paper's schedule is in its appendix, which we lack:
# mmseg's length for this dataset, a ViT's optimizer.
_base_ = '../default_runtime.py'

max_iters = 20000
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=2000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05, fused=True),
    clip_grad=dict(max_norm=1.0, norm_type=2),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            'backbone.slots': dict(decay_mult=0.0),
            'backbone.pos_embed': dict(decay_mult=0.0),
            # Of a QueryViT:
            'backbone.cls_token': dict(decay_mult=0.0),
            'backbone.queries': dict(decay_mult=0.0),
        },
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=1000),
    dict(
        type='PolyLR',
        power=1.0,
        eta_min=0.0,
        begin=1000,
        end=max_iters,
        by_epoch=False,
    ),
]

# Counted in iterations, not epochs.
default_hooks = dict(
    logger=dict(interval=50, log_metric_by_epoch=False),
    checkpoint=dict(by_epoch=False, interval=2000, save_best='mIoU'),
    visualization=dict(type='SegVisualizationHook'),
)
log_processor = dict(by_epoch=False)

# 8 GPUs x 2 images; used with `tools/train.py --auto-scale-lr`.
auto_scale_lr = dict(base_batch_size=16)
