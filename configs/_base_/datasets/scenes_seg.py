# Generated scenes as label maps, for weak supervision: python
# tools/dataset_converters/make_scenes.py data/scenes. Halved, as for classification.
data_root = 'data/scenes/'
dataset_type = 'BaseSegDataset'
classes = (
    'background',
    'arrow',
    'circle',
    'crescent',
    'cross',
    'heart',
    'hexagon',
    'ring',
    'square',
    'star',
    'triangle',
)

test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    # After Resize, so that labels stay those of the original image.
    dict(type='LoadSegMap', num_classes=11),
    dict(type='AddImageLabels'),
    dict(
        type='PackSegInputs',
        meta_keys=(
            'img_path',
            'seg_map_path',
            'ori_shape',
            'img_shape',
            'scale_factor',
            'image_labels',
        ),
    ),
]
test_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=dict(classes=classes),
        data_prefix=dict(
            img_path='VOC2007/JPEGImages', seg_map_path='VOC2007/SegmentationClass'
        ),
        ann_file='VOC2007/ImageSets/Segmentation/test.txt',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_cfg = dict(type='TestLoop')
