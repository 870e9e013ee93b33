# Finetuning for detection. The paper's schedule is in its appendix, which we lack:
# DETR's length, a ViT's optimizer.
max_epochs = 150
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
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
            # Of a QueryViT. A key for all of `backbone`, with a rate of its own, would
            # make mmengine forget the two lines on norms and biases above.
            'backbone.cls_token': dict(decay_mult=0.0),
            'backbone.queries': dict(decay_mult=0.0),
        },
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, milestones=[120], gamma=0.1),
]

# 8 GPUs x 4 images; used with `tools/train.py --auto-scale-lr`.
auto_scale_lr = dict(base_batch_size=32)
