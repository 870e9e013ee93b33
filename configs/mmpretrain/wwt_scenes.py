# A small WWT on the labels of generated scenes, for a CPU: the first stage of the demo.
# Every value was chosen on 64-pixel scenes; none is from the paper.
_base_ = [
    '../_base_/models/wwt_tiny_cls.py',
    '../_base_/datasets/scenes_cls.py',
    '../_base_/mmpretrain_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_classes=10),
    backbone=dict(
        arch='nano',
        img_size=64,
        patch_size=8,
        num_slots=16,
        drop_path_rate=0.0,
    ),
    head=dict(
        num_classes=10,
        in_channels=96,
        loss=dict(_delete_=True, type='CrossEntropyLoss'),
        cal_acc=True,
    ),
    autoencoding_head=dict(in_channels=96, patch_size=8),
    train_cfg=None,  # neither Mixup nor CutMix in so short a training
)

optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05, fused=True)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=8,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(by_epoch=True, max_epochs=8, val_interval=2)  # 624 iterations
val_cfg = dict()
test_cfg = dict()
