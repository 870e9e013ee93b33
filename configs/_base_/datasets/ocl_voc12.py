# Unsupervised object discovery on Pascal VOC 2012: train on the images of trainaug,
# test on val. See docs/datasets.md. Sizes are DINOSAUR's (its authors' public configs).
dataset_type = 'ObjectMasksDataset'
data_root = 'data/VOCdevkit/'
img_size = 224

# Bicubic and, as theirs, not smoothed when an image is made smaller (Pillow would).
resize = dict(
    type='Resize',
    scale=(100000, img_size),  # the shorter side
    keep_ratio=True,
    interpolation='bicubic',
    backend='cv2',
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    dict(type='RandomCrop', crop_size=(img_size, img_size)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackObjectInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    dict(type='CenterCrop', crop_size=(img_size, img_size)),
    # After the crop of the image: maps are cut out at a size of their own.
    dict(type='LoadObjectMaps', num_classes=21),
    dict(type='CropObjectMaps', size=320),
    dict(type='PackObjectInputs'),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                type=dataset_type,
                data_root=data_root,
                data_prefix=dict(img_path='VOC2012/JPEGImages'),
                ann_file='VOC2012/ImageSets/Segmentation/train.txt',
                pipeline=train_pipeline,
            ),
            # The list is made by tools/dataset_converters/voc_aug.py.
            dict(
                type=dataset_type,
                data_root=data_root,
                data_prefix=dict(img_path='VOC2012/JPEGImages'),
                ann_file='VOC2012/ImageSets/Segmentation/aug.txt',
                pipeline=train_pipeline,
            ),
        ],
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='VOC2012/JPEGImages',
            seg_map_path='VOC2012/SegmentationClass',
            instance_map_path='VOC2012/SegmentationObject',
        ),
        ann_file='VOC2012/ImageSets/Segmentation/val.txt',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = [dict(type='MeanBestOverlap'), dict(type='ForegroundARI')]
test_evaluator = val_evaluator
