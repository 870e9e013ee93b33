# WWT-Micro on 100 classes of Tiny-ImageNet: small enough for an hour and a half on one
# CPU core with instructions for bfloat16,
#
#   python tools/train.py configs/mmpretrain/wwt_micro_tinyimagenet.py --amp --seed 0
#
# For another length, set train_cfg.max_epochs, param_scheduler.1.end and the hook's
# custom_hooks.4.schedule.0.action_epoch; for all 200 classes, model.head.num_classes
# and model.data_preprocessor.num_classes. Every value is our choice for so small a
# model; none is from the paper.
_base_ = [
    '../_base_/models/wwt_tiny_cls.py',
    '../_base_/datasets/tiny_imagenet_cls.py',
    '../_base_/mmpretrain_runtime.py',
]
custom_imports = dict(
    imports=['wwt_mm.classification', 'wwt_mm.datasets.tiny_imagenet'],
    allow_failed_imports=False,
)

model = dict(
    data_preprocessor=dict(num_classes=100),
    # 222 million products for an image. Masks of 16 x 16 patches: 8 x 8 are too coarse.
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=128, num_layers=6, num_heads=4),
        img_size=64,
        patch_size=4,
        num_slots=16,
        drop_path_rate=0.0,
    ),
    head=dict(num_classes=100, in_channels=128, cal_acc=True),
    autoencoding_head=dict(in_channels=128, patch_size=4),
    train_cfg=None,  # neither Mixup nor CutMix in so short a training
)

# All epochs but the last see crops of 48 pixels, on which an iteration takes 0.6 of the
# time; the last sees the images as validation does.
crop_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=48, crop_ratio_range=(0.35, 1.0)),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=crop_pipeline))

max_epochs = 11  # 4,290 iterations with 100 classes
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='SwitchRecipeHook',
        schedule=[dict(action_epoch=max_epochs, train_pipeline=_base_.train_pipeline)],
    ),
]
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05, fused=True)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=500),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# How tools/slots.py makes regions of masks: of some rules the one with the best CorLoc
# on 1,000 training photographs whose box is smaller than 40 %.
slot_regions = dict(
    normalise='min_max',
    threshold=0.5,
    concentration='min_max',
    rank='region',
    min_area=8,
    max_area=0.6,
)
