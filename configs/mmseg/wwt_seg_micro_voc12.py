# WWT-SEG on the animals and people of VOC 2012, for a CPU: finetunes
# configs/mmpretrain/wwt_micro_tinyimagenet.py. Every value is our choice; none is from
# the paper.
_base_ = './wwt_seg_scenes.py'

data_root = 'data/VOCdevkit/'
# Pixels of other classes, of which a subset of animals has few, do not count.
classes = ('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep')

model = dict(
    data_preprocessor=dict(size=(96, 96)),
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=128, num_layers=6, num_heads=4),
        patch_size=4,
    ),
    decode_head=dict(
        in_channels=128,
        channels=128,
        num_classes=7,
        num_heads=4,
        patch_size=4,
        stride=2,
    ),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadSegMap', num_classes=21),
    dict(
        type='RandomResize',
        scale=(120, 120),
        ratio_range=(0.8, 1.5),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=(96, 96)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(96, 96), keep_ratio=False),
    # After Resize, so that labels stay those of the original image.
    dict(type='LoadSegMap', num_classes=21),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        _delete_=True,
        type='PascalVOCDataset',
        data_root=data_root,
        metainfo=dict(classes=classes),
        data_prefix=dict(
            img_path='VOC2012/JPEGImages', seg_map_path='VOC2012/SegmentationClass'
        ),
        ann_file='VOC2012/ImageSets/Segmentation/train.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    dataset=dict(
        _delete_=True,
        type='PascalVOCDataset',
        data_root=data_root,
        metainfo=dict(classes=classes),
        data_prefix=dict(
            img_path='VOC2012/JPEGImages', seg_map_path='VOC2012/SegmentationClass'
        ),
        ann_file='VOC2012/ImageSets/Segmentation/val.txt',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='ClassIoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

max_epochs = 30  # 840 iterations with 437 images
train_cfg = dict(max_epochs=max_epochs, val_interval=20)
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
default_hooks = dict(checkpoint=dict(interval=20))
