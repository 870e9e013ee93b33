# Object discovery on Tiny-ImageNet val, see docs/datasets.md. Half of its objects fill
# half of their image: judge the others (docs/discovery.md#protocol).
data_root = 'data/tiny-imagenet-200'

test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
test_dataloader = dict(
    batch_size=50,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='TinyImageNet',
        data_root=data_root,
        split='val',
        class_agnostic=True,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_evaluator = [
    dict(type='CorLoc', max_object_area=0.4),
    dict(type='DiscoveryRecall', max_object_area=0.4),
    dict(type='CorLoc', prefix='all'),
]
test_cfg = dict(type='TestLoop')
