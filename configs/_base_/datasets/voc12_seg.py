# Pascal VOC 2012 segmentation: train on train, test on val. See docs/datasets.md.
dataset_type = 'PascalVOCDataset'
data_root = 'data/VOCdevkit/'
crop_size = (512, 512)

# LoadSegMap names the file of a missing or damaged label map.
load_seg_map = dict(type='LoadSegMap', num_classes=21)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    load_seg_map,
    dict(
        type='RandomResize',
        scale=(2048, 512),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(2048, 512), keep_ratio=True),
    # After Resize, so that labels stay those of the original image.
    load_seg_map,
    dict(type='PackSegInputs'),
]

# For `tools/test.py --tta`: several scales, each with its mirror image.
tta_model = dict(type='SegTTAModel')
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(2048, int(512 * ratio)), keep_ratio=True)
                for ratio in (0.75, 1.0, 1.25)
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [load_seg_map],
            [dict(type='PackSegInputs')],
        ],
    ),
]

train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='VOC2012/JPEGImages', seg_map_path='VOC2012/SegmentationClass'
        ),
        ann_file='VOC2012/ImageSets/Segmentation/train.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    # Images of a batch must agree in size, and these do not.
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='VOC2012/JPEGImages', seg_map_path='VOC2012/SegmentationClass'
        ),
        ann_file='VOC2012/ImageSets/Segmentation/val.txt',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
