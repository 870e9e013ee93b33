# mmdet's Faster R-CNN with FPN on WWT-Small: FPN needs a pyramid to start from.
_base_ = ['mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', '../../_base_/guards.py']
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
    neck=[
        dict(type='SimplePyramid', in_channels=384, out_channels=256),
        dict(type='FPN', in_channels=[256] * 4, out_channels=256, num_outs=5),
    ],
)
