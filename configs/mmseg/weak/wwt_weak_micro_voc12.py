# Objects of VOC 2012 against the background, from labels of other photographs alone,
# with the checkpoint of configs/mmpretrain/wwt_micro_tinyimagenet.py. Not in the paper;
# the threshold is found on training images as for Table 2:
#
#   --cfg-options test_evaluator.type=ThresholdSearch \
#       test_dataloader.dataset.ann_file=VOC2012/ImageSets/Segmentation/train.txt
_base_ = './wwt_weak_scenes.py'

data_root = 'data/VOCdevkit/'
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=128, num_layers=6, num_heads=4),
        patch_size=4,
    ),
    head=dict(num_classes=100, in_channels=128),
    num_classes=100,
    patch_size=4,
    # Whatever the class: eq. (8) of the one that the classifier takes the image for.
    # The masks alone: model.num_classes=1 and model.class_map, 1 a hundred times.
    classes_from='predicted',
    foreground=True,
)

test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    # After Resize, so that labels stay those of the original image.
    dict(type='LoadSegMap', num_classes=21),
    dict(type='ForegroundLabels'),
    dict(type='PackSegInputs'),
]
test_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        metainfo=dict(classes=('background', 'object')),
        data_prefix=dict(
            img_path='VOC2012/JPEGImages', seg_map_path='VOC2012/SegmentationClass'
        ),
        ann_file='VOC2012/ImageSets/Segmentation/val.txt',
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='ClassIoUMetric')
