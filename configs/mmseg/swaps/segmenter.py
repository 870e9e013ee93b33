# mmseg's Segmenter on WWT-Small, in place of ViT-S, which is as wide.
_base_ = [
    'mmseg::segmenter/segmenter_vit-s_mask_8xb1-160k_ade20k-512x512.py',
    '../../_base_/guards.py',
]
custom_imports = dict(imports=['wwt_mm'], allow_failed_imports=False)
# The last block's slots are left out, and DDP must know that.
find_unused_parameters = True

model = dict(
    pretrained=None,
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
)
