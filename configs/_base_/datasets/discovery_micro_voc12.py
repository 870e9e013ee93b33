# Object discovery on VOC 2012 val at 128 pixels, for models that were trained at 64. To
# choose a rule: test_dataloader.dataset.ann_file=VOC2012/ImageSets/Main/train.txt.
_base_ = './discovery_voc07.py'

data_root = 'data/VOCdevkit/'
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    # After Resize, so that boxes stay those of the original image.
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
test_dataloader = dict(
    batch_size=16,
    dataset=dict(
        data_root=data_root,
        ann_file='VOC2012/ImageSets/Main/val.txt',
        data_prefix=dict(sub_data_root='VOC2012/'),
        pipeline=test_pipeline,
    ),
)
