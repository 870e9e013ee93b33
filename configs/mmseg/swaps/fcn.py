# mmseg's FCN on WWT-Small: its auxiliary head reads block 9 of 12.
_base_ = [
    'mmseg::fcn/fcn_r50-d8_4xb4-20k_voc12aug-512x512.py',
    '../../_base_/guards.py',
]
custom_imports = dict(imports=['wwt_mm'], allow_failed_imports=False)
# The last block's slots are left out, and DDP must know that.
find_unused_parameters = True

model = dict(
    pretrained=None,
    backbone=dict(
        _delete_=True,
        type='WhatWhereTransformer',
        arch='small',
        img_size=512,
        out_type='featmap',
        out_indices=(2, 5, 8, 11),
    ),
    decode_head=dict(in_channels=384),
    auxiliary_head=dict(in_channels=384),
)
