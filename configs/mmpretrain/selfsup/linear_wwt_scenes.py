# What frozen slots know: a linear classifier of their mean, for the checkpoint of any
# WWT of scenes, --cfg-options load_from=CHECKPOINT.
_base_ = '../wwt_scenes.py'

model = dict(
    backbone=dict(out_type='avg_slots', frozen_stages=6),
    neck=dict(type='ClsBatchNormNeck', input_features=96),
    head=dict(
        _delete_=True,
        type='LinearClsHead',
        num_classes=10,
        in_channels=96,
        loss=dict(type='CrossEntropyLoss'),
        cal_acc=True,
    ),
    autoencoding_head=None,
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
