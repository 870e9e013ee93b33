# mmpretrain's multi-label CSRA (VOC07) on WWT-Small: its head attends to tokens.
_base_ = [
    'mmpretrain::csra/resnet101-csra_1xb16_voc07-448px.py',
    '../../_base_/guards.py',
]
custom_imports = dict(imports=['wwt_mm'], allow_failed_imports=False)
# The last block's slots are left out, and DDP must know that.
find_unused_parameters = True
# As our pretraining has it, whatever the library's backbone wants.
data_preprocessor = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])

model = dict(
    backbone=dict(
        _delete_=True,
        type='WhatWhereTransformer',
        arch='small',
        img_size=448,
        out_type='featmap',
    ),
    head=dict(in_channels=384),
)
