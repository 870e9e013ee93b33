# WWT-Small on ImageNet by its autoencoding head alone, DeiT's schedule without its
# augmentations but crops and flips. Nobody has run it.
_base_ = [
    '../../_base_/datasets/imagenet.py',
    '../../_base_/schedules/deit_300e.py',
    '../../_base_/mmpretrain_runtime.py',
]

model = dict(
    type='SlotAutoencoder',
    data_preprocessor=dict(
        type='SelfSupDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(type='WhatWhereTransformer', arch='small'),
    head=dict(type='AutoencodingHead', in_channels=384),
)
# As in wwt_tiny_cls.py: the last block's MLP over tokens never gets a gradient.
model_wrapper_cfg = dict(
    type='MMDistributedDataParallel', broadcast_buffers=False, static_graph=True
)
train_dataloader = dict(
    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True),
    dataset=dict(
        pipeline=[*_base_.train_pipeline[:3], _base_.train_pipeline[-1]],
    ),
)
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = None
test_evaluator = None
test_cfg = None
