# ocl_voc12.py with images of 128 px, the size of Slot Attention on pixels, bilinear;
# the part of the image and the ground truth stay the same.
_base_ = './ocl_voc12.py'
img_size = 128

resize = dict(
    type='Resize',
    scale=(100000, img_size),
    keep_ratio=True,
    interpolation='bilinear',
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
    dict(type='LoadObjectMaps', num_classes=21),
    dict(type='CropObjectMaps', size=320),
    dict(type='PackObjectInputs'),
]
train_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(
                type={{_base_.dataset_type}},
                data_root={{_base_.data_root}},
                data_prefix=dict(img_path='VOC2012/JPEGImages'),
                ann_file='VOC2012/ImageSets/Segmentation/train.txt',
                pipeline=train_pipeline,
            ),
            dict(
                type={{_base_.dataset_type}},
                data_root={{_base_.data_root}},
                data_prefix=dict(img_path='VOC2012/JPEGImages'),
                ann_file='VOC2012/ImageSets/Segmentation/aug.txt',
                pipeline=train_pipeline,
            ),
        ]
    )
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
