# ocl_wwt_coco.py, evaluated on COCO's panoptic labels, in which nothing overlaps and
# crowds are void. For regions of stuff as well: LoadPanopticMaps with stuff=True. Any
# other ocl_*_coco.py is evaluated so by the same test_dataloader.
_base_ = './ocl_wwt_coco.py'

test_pipeline = [
    dict(type='LoadImageFromFile'),
    {{_base_.resize}},
    dict(type='CenterCrop', crop_size=({{_base_.img_size}}, {{_base_.img_size}})),
    dict(type='LoadPanopticMaps'),
    dict(type='CropObjectMaps', size=320),
    dict(type='PackObjectInputs'),
]
val_dataloader = dict(
    dataset=dict(
        type='mmdet.CocoPanopticDataset',
        data_prefix=dict(seg='annotations/panoptic_val2017/'),
        ann_file='annotations/panoptic_val2017.json',
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
