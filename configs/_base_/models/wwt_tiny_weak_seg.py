# Label maps from WWT-Tiny's classification head and masks (paper, sec. 3.2 (b)).
custom_imports = dict(
    imports=[
        'wwt_mm.segmentation',
        'wwt_mm.classification',
        'wwt_mm.datasets.imagenet_s',
    ],
    allow_failed_imports=False,
)
default_scope = 'mmseg'

model = dict(
    type='WeakSlotSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    # The classifier, as configs/mmpretrain/wwt_tiny_in1k.py has it.
    backbone=dict(
        type='WhatWhereTransformer',
        arch='tiny',
        img_size=224,
        patch_size=16,
        num_slots=64,
        out_type='slot_masks',
    ),
    head=dict(type='mmpretrain.SlotClsHead', num_classes=1000, in_channels=192),
    num_classes=50,
    patch_size=16,
    # Not given in the paper. 'given' takes the class from the dataset.
    classes_from='predicted',
    # Find it on training images: docs/segmentation.md.
    threshold=0.5,
)

vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer'
)
