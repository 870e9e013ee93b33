# mmdet's FCOS on WWT-Small: strides 8 to 128.
_base_ = ['mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py', '../../_base_/guards.py']
custom_imports = dict(imports=['wwt_mm'], allow_failed_imports=False)
# The last block's slots are left out, and DDP must know that.
find_unused_parameters = True

model = dict(
    # As our pretraining has it, whatever the library's backbone wants.
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
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
