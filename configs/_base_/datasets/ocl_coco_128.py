# ocl_coco.py with images of 128 px, the size of Slot Attention on pixels, bilinear;
# the part of the image and the ground truth stay the same.
_base_ = './ocl_coco.py'
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
    dict(type='CenterCrop', crop_size=(img_size, img_size)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackObjectInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    dict(type='CenterCrop', crop_size=(img_size, img_size)),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='MasksToObjectMaps'),
    dict(type='CropObjectMaps', size=320),
    dict(type='PackObjectInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
