# mmpretrain's ImageNet recipe of ResNet-50, a linear head, on WWT-Small.
_base_ = ['mmpretrain::resnet/resnet50_8xb32_in1k.py', '../../_base_/guards.py']
custom_imports = dict(imports=['wwt_mm'], allow_failed_imports=False)
# The last block's tokens and masks are left out, and DDP must know that.
find_unused_parameters = True

model = dict(
    backbone=dict(
        _delete_=True,
        type='WhatWhereTransformer',
        arch='small',
        out_type='avg_slots',
    ),
    neck=None,
    head=dict(in_channels=384),
)
