# The WWT of wwt_scenes.py, trained by its autoencoding head alone: no labels. Every
# value was chosen on 64-pixel scenes; none is from a paper.
_base_ = [
    '../../_base_/datasets/scenes_cls.py',
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
    backbone=dict(
        type='WhatWhereTransformer',
        arch='nano',
        img_size=64,
        patch_size=8,
        num_slots=16,
    ),
    head=dict(type='AutoencodingHead', in_channels=96, patch_size=8),
)
# As in wwt_tiny_cls.py: the last block's MLP over tokens never gets a gradient.
model_wrapper_cfg = dict(
    type='MMDistributedDataParallel', broadcast_buffers=False, static_graph=True
)

optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05, fused=True)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(by_epoch=True, max_epochs=5)  # 390 iterations

# There is nothing to validate: linear_wwt_scenes.py does that afterwards.
val_dataloader = None
val_evaluator = None
test_dataloader = None
test_evaluator = None
