# mmdet's RetinaNet on WWT-Small: strides 8 to 128.
_base_ = ['mmdet::retinanet/retinanet_r50_fpn_1x_coco.py', '../../_base_/guards.py']
custom_imports = dict(imports=['wwt_mm'], allow_failed_imports=False)
# The last block's slots are left out, and DDP must know that.
find_unused_parameters = True

model = dict(
    backbone=dict(
        _delete_=True,
        type='WhatWhereTransformer',
        arch='small',
        img_size=512,
        out_type='featmap',
    ),
    neck=dict(
        _delete_=True,
        type='SimplePyramid',
        in_channels=384,
        out_channels=256,
        scales=(2, 1, 0.5),
        num_outs=5,
    ),
)
