# WWT-OCL (paper, sec. 3.2, "Autoencoding Head", and sec. 4): the first slots of
# WWT-Small predict features of a frozen DINO ViT.
custom_imports = dict(imports=['wwt_mm.object_centric'], allow_failed_imports=False)
default_scope = 'mmseg'

model = dict(
    type='ObjectCentricLearner',
    data_preprocessor=dict(
        type='ImgDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='WhatWhereTransformer',
        arch='small',
        img_size=224,
        patch_size=16,
        num_slots=64,
        out_type='slot_masks',
    ),
    grouping=dict(type='FirstSlots', num_slots=6),
    decoder=dict(
        type='MLPDecoder',
        in_channels=384,
        out_channels=768,
        grid=(14, 14),
        # Which competition is not given in the paper: docs/object_centric.md.
        competition='masks',
    ),
    target=dict(
        type='FeatureTeacher',
        # DINOSAUR's: ViT-B/16, output of the last block without the final norm.
        backbone=dict(
            type='mmpretrain.VisionTransformer',
            arch='deit-base',
            img_size=224,
            patch_size=16,
            out_type='raw',
            final_norm=False,
        ),
        checkpoint='data/checkpoints/dino_vitbase16_pretrain.pth',
    ),
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
