# ImageNet-S, tested on validation images. See docs/datasets.md. Its authors' evaluator
# is followed in test_evaluator; the annotated training images are split='train-semi'.
dataset_type = 'ImageNetSDataset'
data_root = 'data/ImageNetS50/'

test_pipeline = [
    dict(type='LoadImageFromFile'),
    # The shorter side as in pretraining (not given in the paper).
    dict(type='Resize', scale=(2048, 224), keep_ratio=True),
    # After Resize, so that labels stay those of the original image.
    dict(type='LoadSegMap', ignore_index=1000, encoding='rgb_id'),
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
    # Images of a batch must agree in size, and these do not.
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        subset=50,
        split='validation',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='ImageNetSMetric', iou_metrics=['mIoU'])
test_cfg = dict(type='TestLoop')
