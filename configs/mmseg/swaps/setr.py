# mmseg's SETR, the naive one, on WWT-Small.
_base_ = [
    'mmseg::setr/setr_vit-l_naive_8xb2-160k_ade20k-512x512.py',
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
    auxiliary_head=[
        dict(head, in_channels=384) for head in _base_.model.auxiliary_head
    ],
)
