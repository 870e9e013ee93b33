# mmdet's Mask2Former, instances, on WWT-Small: strides 4 to 32.
_base_ = [
    'mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco.py',
    '../../_base_/guards.py',
]
custom_imports = dict(imports=['wwt_mm'], allow_failed_imports=False)
# The last block's slots are left out, and DDP must know that.
find_unused_parameters = True

model = dict(
    backbone=dict(
        _delete_=True,
        type='WhatWhereTransformer',
        arch='small',
        img_size=1024,
        out_type='featmap',
    ),
    neck=dict(type='SimplePyramid', in_channels=384, out_channels=256),
    panoptic_head=dict(in_channels=[256] * 4),
)
