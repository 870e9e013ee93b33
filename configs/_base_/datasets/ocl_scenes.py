# Unsupervised object discovery on generated scenes, at the size that
# configs/mmpretrain/wwt_scenes.py pretrains with:
# python tools/dataset_converters/make_scenes.py data/scenes
dataset_type = 'ObjectMasksDataset'
data_root = 'data/scenes/'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackObjectInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    dict(type='LoadObjectMaps', num_classes=11),
    dict(type='CropObjectMaps', size=128),
    dict(type='PackObjectInputs'),
]
train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='VOC2007/JPEGImages'),
        ann_file='VOC2007/ImageSets/Segmentation/train.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='VOC2007/JPEGImages',
            seg_map_path='VOC2007/SegmentationClass',
            instance_map_path='VOC2007/SegmentationObject',
        ),
        ann_file='VOC2007/ImageSets/Segmentation/val.txt',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='VOC2007/JPEGImages',
            seg_map_path='VOC2007/SegmentationClass',
            instance_map_path='VOC2007/SegmentationObject',
        ),
        ann_file='VOC2007/ImageSets/Segmentation/test.txt',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)

val_evaluator = [dict(type='MeanBestOverlap'), dict(type='ForegroundARI')]
test_evaluator = val_evaluator
