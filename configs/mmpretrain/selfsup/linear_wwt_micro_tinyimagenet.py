# What frozen slots know of Tiny-ImageNet, as linear_wwt_scenes.py.
_base_ = '../wwt_micro_tinyimagenet.py'

model = dict(
    backbone=dict(out_type='avg_slots', frozen_stages=6),
    neck=dict(type='ClsBatchNormNeck', input_features=128),
    head=dict(
        _delete_=True,
        type='LinearClsHead',
        num_classes=100,
        in_channels=128,
        loss=dict(type='CrossEntropyLoss'),
        cal_acc=True,
    ),
    autoencoding_head=None,
)
# Whole images, as validation sees them.
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
