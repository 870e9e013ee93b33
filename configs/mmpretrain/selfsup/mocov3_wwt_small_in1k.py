# WWT-Small by mmpretrain's recipe of MoCo v3 for ViT-S, with the autoencoding head, for
# 16 GPUs with 256 images each, --amp. Nobody has run it.
_base_ = [
    'mmpretrain::mocov3/mocov3_vit-small-p16_16xb256-amp-coslr-300e_in1k.py',
    '../../_base_/guards.py',
]
custom_imports = dict(imports=['wwt_mm.classification'], allow_failed_imports=False)
# The last block's MLP over tokens never gets a gradient.
find_unused_parameters = True

model = dict(
    type='SlotMoCoV3',
    backbone=dict(_delete_=True, type='WhatWhereTransformer', arch='small'),
    neck=[dict(type='AverageSlots'), _base_.model.neck],
    autoencoding_head=dict(type='AutoencodingHead', in_channels=384),
)
# Without its float16, which masks may outgrow: --amp takes bfloat16 where there is.
optim_wrapper = dict(
    _delete_=True, type='OptimWrapper', optimizer=_base_.optim_wrapper.optimizer
)
# The base's has a scope, which mmengine would hand to the function.
train_dataloader = dict(collate_fn=dict(_delete_=True, type='default_collate'))
