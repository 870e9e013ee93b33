# WWT-DET (paper, sec. 3.2 (d)): WWT-Small and a head on its slots and masks.
custom_imports = dict(imports=['wwt_mm.detection'], allow_failed_imports=False)
default_scope = 'mmdet'

model = dict(
    type='WWTDetector',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=16,
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
    bbox_head=dict(
        type='MaskPoolBBoxHead',
        num_classes=20,
        embed_dims=384,
        num_heads=6,
        stride=16,
        pool='per_head',
        # The paper's plain regression; 'mask_moments' is ours.
        box_reference='none',
        # DETR's losses and weights, as the paper says "similar to DETR".
        bg_cls_weight=0.1,
        loss_bbox=dict(type='L1Loss', loss_weight=5.0),
        loss_iou=dict(type='GIoULoss', loss_weight=2.0),
    ),
    train_cfg=dict(
        assigner=dict(
            type='FiniteHungarianAssigner',
            match_costs=[
                dict(type='ClassificationCost', weight=1.0),
                dict(type='BBoxL1Cost', weight=5.0, box_format='xywh'),
                dict(type='IoUCost', iou_mode='giou', weight=2.0),
            ],
        )
    ),
    test_cfg=dict(max_per_img=64),
)

vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='DetLocalVisualizer', vis_backends=vis_backends, name='visualizer'
)
