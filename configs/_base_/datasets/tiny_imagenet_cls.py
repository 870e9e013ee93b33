# Tiny-ImageNet, any number of its classes, at its own 64 pixels; see docs/datasets.md.
data_root = 'data/tiny-imagenet-200'
dataset_type = 'TinyImageNet'

# Cheap enough for one CPU core: 5,000 images a second, read from disk.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    # Mirrored by 8 pixels on each side (mmpretrain's 'padding' knows zeros only), ...
    dict(type='RandomCrop', crop_size=80, pad_if_needed=True, padding_mode='reflect'),
    # ... then shifted by up to as many.
    dict(type='RandomCrop', crop_size=64),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    # Changes nothing here, and makes photographs of any size fit to be looked at.
    dict(type='ResizeEdge', scale=64, edge='short', interpolation='area'),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=128,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    dataset=dict(
        type=dataset_type, data_root=data_root, split='train', pipeline=train_pipeline
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=250,
    num_workers=1,
    persistent_workers=True,
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='val',
        test_mode=True,
        pipeline=test_pipeline,
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
