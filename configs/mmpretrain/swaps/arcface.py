# mmpretrain's ArcFace retrieval (InShop) on WWT-Small.
_base_ = 'mmpretrain::arcface/resnet50-arcface_8xb32_inshop.py'
custom_imports = dict(imports=['wwt_mm'], allow_failed_imports=False)
# The last block's tokens and masks are left out, and DDP must know that.
find_unused_parameters = True

model = dict(
    image_encoder=[
        dict(
            type='WhatWhereTransformer',
            arch='small',
            img_size=448,
            out_type='avg_slots',
        ),
    ],
    head=dict(in_channels=384),
)
# _base_/guards.py, beside the hook of the library's config.
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='wwt_mm.guards.RandomStateHook'),
    dict(type='wwt_mm.guards.BadImageHook'),
    dict(type='wwt_mm.guards.InvalidLossHook'),
]
