# Unsupervised object discovery on COCO: train on the images of train2017, test on the
# instances of val2017. See docs/datasets.md. Sizes are DINOSAUR's.
_base_ = './ocl_voc12.py'
data_root = 'data/coco/'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    {{_base_.resize}},
    dict(type='CenterCrop', crop_size=({{_base_.img_size}}, {{_base_.img_size}})),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackObjectInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    {{_base_.resize}},
    dict(type='CenterCrop', crop_size=({{_base_.img_size}}, {{_base_.img_size}})),
    # After the crop of the image: maps are cut out at a size of their own.
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='MasksToObjectMaps'),
    dict(type='CropObjectMaps', size=320),
    dict(type='PackObjectInputs'),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ObjectMasksDataset',
        data_root=data_root,
        data_prefix=dict(img_path='train2017'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmdet.CocoDataset',
        data_root=data_root,
        data_prefix=dict(img='val2017/'),
        ann_file='annotations/instances_val2017.json',
        test_mode=True,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
