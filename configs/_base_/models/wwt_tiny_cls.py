# WWT-Tiny with both heads of its pretraining (sec. 3.2, sec. 4).
model = dict(
    type='WWTClassifier',
    data_preprocessor=dict(
        num_classes=1000,
        # RGB mean and standard deviation of ImageNet, as DeiT (code: timm's defaults)
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(
        type='WhatWhereTransformer',
        arch='tiny',
        img_size=224,
        patch_size=16,
        num_slots=64,  # sec. 4, Table 7
        drop_path_rate=0.1,  # DeiT, Table 9 (all sizes)
    ),
    head=dict(
        type='SlotClsHead',
        num_classes=1000,
        in_channels=192,
        loss=dict(
            type='LabelSmoothLoss',
            label_smooth_val=0.1,  # DeiT, Table 9
            mode='original',
        ),
    ),
    autoencoding_head=dict(
        type='AutoencodingHead',
        in_channels=192,
        patch_size=16,
        loss_weight=1.0,  # not given in the paper
    ),
    # DeiT, Table 9: Mixup 0.8, CutMix 1.0, one of the two for each batch (code: prob 1,
    # switch_prob 0.5)
    train_cfg=dict(
        augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]
    ),
)

# The heads read slots and masks, so the last block's MLP over tokens never gets a
# gradient (nor, without the autoencoding head, its MLP over attention). DDP would wait
# for it in vain, and with find_unused_parameters look for it in each iteration.
model_wrapper_cfg = dict(
    type='MMDistributedDataParallel', broadcast_buffers=False, static_graph=True
)
