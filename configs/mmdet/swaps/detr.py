# mmdet's DETR on WWT-Small.
_base_ = ['mmdet::detr/detr_r50_8xb2-150e_coco.py', '../../_base_/guards.py']
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
    neck=dict(in_channels=[384]),
)
