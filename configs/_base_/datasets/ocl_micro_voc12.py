# Unsupervised object discovery on the animals of VOC 2012, at the 64 pixels of
# configs/mmpretrain/wwt_micro_tinyimagenet.py; tested where there are instance maps.
_base_ = './ocl_scenes.py'

data_root = 'data/VOCdevkit/'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResize', scale=(96, 96), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(64, 64)),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackObjectInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(100000, 64), keep_ratio=True),  # the shorter side
    dict(type='CenterCrop', crop_size=(64, 64)),  # what CropObjectMaps cuts out
    dict(type='LoadObjectMaps', num_classes=21),
    dict(type='CropObjectMaps', size=128),
    dict(type='PackObjectInputs'),
]
train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        data_prefix=dict(img_path='VOC2012/JPEGImages'),
        ann_file='VOC2012/ImageSets/Segmentation/train.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        data_prefix=dict(
            img_path='VOC2012/JPEGImages',
            seg_map_path='VOC2012/SegmentationClass',
            instance_map_path='VOC2012/SegmentationObject',
        ),
        ann_file='VOC2012/ImageSets/Segmentation/val_instances.txt',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
