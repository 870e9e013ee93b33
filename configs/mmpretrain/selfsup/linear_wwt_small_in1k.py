# What the frozen slots of WWT-Small know of ImageNet: mmpretrain's linear probe of
# MoCo v3's ViT-S, for 8 GPUs with 128 images each, --cfg-options load_from=CHECKPOINT.
# Nobody has run it.
_base_ = [
    'mmpretrain::mocov3/benchmarks/vit-small-p16_8xb128-linear-coslr-90e_in1k.py',
    '../../_base_/guards.py',
]
custom_imports = dict(imports=['wwt_mm.classification'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _delete_=True,
        type='WhatWhereTransformer',
        arch='small',
        out_type='avg_slots',
        frozen_stages=12,
    ),
)
