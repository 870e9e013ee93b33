# Object discovery on the generated scenes (1 to 4 objects each), at the size that
# configs/mmpretrain/wwt_scenes.py pretrains with:
# python tools/dataset_converters/make_scenes.py data/scenes
_base_ = './discovery_voc07.py'
data_root = 'data/scenes/'

test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64), keep_ratio=True),
    # After Resize, so that boxes stay those of the original image.
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
test_dataloader = dict(
    batch_size=32,
    dataset=dict(
        data_root=data_root,
        ann_file='VOC2007/ImageSets/Main/test.txt',
        pipeline=test_pipeline,
    ),
)
