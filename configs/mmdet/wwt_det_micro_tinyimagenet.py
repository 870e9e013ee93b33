# WWT-DET on the boxes of Tiny-ImageNet, all of one class, for a CPU: finetunes
# configs/mmpretrain/wwt_micro_tinyimagenet.py. Every value is our choice; none is from
# the paper.
_base_ = './wwt_det_micro_voc12.py'
custom_imports = dict(
    imports=['wwt_mm.detection', 'wwt_mm.datasets.tiny_imagenet'],
    allow_failed_imports=False,
)

data_root = 'data/tiny-imagenet-200'

model = dict(bbox_head=dict(num_classes=1))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    # Changes nothing here, and makes photographs of any size fit to be looked at.
    dict(type='Resize', scale=(64, 64), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
train_dataloader = dict(
    batch_size=64,
    dataset=dict(
        _delete_=True,
        type='TinyImageNet',
        data_root=data_root,
        class_agnostic=True,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    dataset=dict(
        _delete_=True,
        type='TinyImageNet',
        data_root=data_root,
        split='val',
        class_agnostic=True,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

max_epochs = 2  # 1,564 iterations with 100 classes
train_cfg = dict(max_epochs=max_epochs, val_interval=1)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=1))
auto_scale_lr = dict(base_batch_size=64)
