# Object discovery on VOC 2007 trainval, by LOST's protocol. See docs/datasets.md.
data_root = 'data/VOCdevkit/'

# At original size, as LOST and MOST; what the paper uses for WWT is not given.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]

test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='VOCDiscoveryDataset',
        data_root=data_root,
        ann_file='VOC2007/ImageSets/Main/trainval.txt',
        data_prefix=dict(sub_data_root='VOC2007/'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)

test_evaluator = [
    dict(type='CorLoc'),  # of the box with the highest score: Table 3
    dict(type='DiscoveryRecall'),  # of all boxes: Table 4
]
test_cfg = dict(type='TestLoop')
