# What a frozen class token knows, as linear_wwt_scenes.py.
_base_ = '../vit_scenes.py'

model = dict(
    backbone=dict(frozen_stages=6),
    neck=dict(type='ClsBatchNormNeck', input_features=96),
)
optim_wrapper = dict(optimizer=dict(lr=2e-2, weight_decay=0.0))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=2,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=2, val_interval=2)
