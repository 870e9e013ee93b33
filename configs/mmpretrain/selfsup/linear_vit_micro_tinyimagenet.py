# What a frozen class token knows of Tiny-ImageNet, as
# linear_wwt_micro_tinyimagenet.py.
_base_ = '../vit_micro_tinyimagenet.py'

model = dict(
    backbone=dict(frozen_stages=6),
    neck=dict(type='ClsBatchNormNeck', input_features=96),
    head=dict(loss=dict(_delete_=True, type='CrossEntropyLoss')),
)
max_epochs = 3
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
custom_hooks = _base_.custom_hooks[:-1]
optim_wrapper = dict(optimizer=dict(lr=1e-2, weight_decay=0.0))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
