# A small WWT on CIFAR-10, for one GPU. Every value is our choice, none was tuned, and
# none is from the paper.
_base_ = [
    '../_base_/models/wwt_tiny_cls.py',
    '../_base_/datasets/cifar10.py',
    '../_base_/mmpretrain_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_classes=10),
    backbone=dict(
        arch='nano',
        img_size=32,
        patch_size=4,
        num_slots=16,
        drop_path_rate=0.0,
    ),
    head=dict(
        num_classes=10,
        in_channels=96,
        loss=dict(_delete_=True, type='CrossEntropyLoss'),
        cal_acc=True,
    ),
    autoencoding_head=dict(in_channels=96, patch_size=4),
    train_cfg=None,  # neither Mixup nor CutMix in so short a training
)

max_epochs = 50  # 19,500 iterations
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05, fused=True)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=500),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=5)
val_cfg = dict()
test_cfg = dict()
