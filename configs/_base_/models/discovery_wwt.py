# Zero-shot object discovery with the masks of WWT-Small (paper, sec. 3.2 (c)). The
# weights are those of a classifier of configs/mmpretrain/.
custom_imports = dict(imports=['wwt_mm.discovery'], allow_failed_imports=False)
default_scope = 'mmdet'

model = dict(
    type='ObjectDiscoverer',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
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
    method=dict(type='MaskThreshold'),
)

vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='DetLocalVisualizer', vis_backends=vis_backends, name='visualizer'
)
