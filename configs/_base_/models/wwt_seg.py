# WWT-SEG (paper, sec. 3.2 (b)): WWT-Small and a head on its slots and masks.
custom_imports = dict(imports=['wwt_mm.segmentation'], allow_failed_imports=False)
default_scope = 'mmseg'

model = dict(
    type='WWTSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        # Training images smaller than the crop are padded to it.
        size=(512, 512),
    ),
    backbone=dict(
        type='WhatWhereTransformer',
        arch='small',
        # Position embeddings are resized from the 224 px of pretraining.
        img_size=512,
        patch_size=16,
        num_slots=64,
        drop_path_rate=0.1,  # not given in the paper
        out_type='slot_masks',
    ),
    decode_head=dict(
        type='SlotReassembleHead',
        in_channels=384,
        channels=384,
        num_classes=21,
        num_slots=64,
        num_heads=6,
        patch_size=16,
        # Not given in the paper: resolution, upsampling, how heads are mixed, norm.
        stride=4,
        upsampling='deconv',
        mixing='learned',
        norm_masks=True,
        # Averaged over all pixels, as in mmseg's FCN.
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

# Tokens of the last block serve only its masks, so its MLP over tokens never gets a
# gradient. DDP would wait for it in vain, and with find_unused_parameters look for it
# in each iteration.
model_wrapper_cfg = dict(
    type='MMDistributedDataParallel', broadcast_buffers=False, static_graph=True
)

vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer'
)
