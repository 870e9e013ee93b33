# DeiT-Tiny (paper, Table 1): mmpretrain's ViT, initialised as DeiT's code does and
# trained as WWT-Tiny is.
_base_ = [
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/deit_300e.py',
    '../_base_/mmpretrain_runtime.py',
]

model = dict(
    type='ImageClassifier',
    # Statistics of ImageNet, as for WWT
    data_preprocessor=dict(
        num_classes=1000,
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(
        type='DeiT',
        arch='deit-tiny',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1,  # DeiT, Table 9 (all sizes)
    ),
    head=dict(
        type='VisionTransformerClsHead',
        num_classes=1000,
        in_channels=192,
        loss=dict(
            type='LabelSmoothLoss',
            label_smooth_val=0.1,  # DeiT, Table 9
            mode='original',
        ),
        # DeiT, code; bounds: wwt_mm/backbone/initial_weights.py
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02, a=-0.1, b=0.1),
    ),
    # DeiT, Table 9
    train_cfg=dict(
        augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]
    ),
)
