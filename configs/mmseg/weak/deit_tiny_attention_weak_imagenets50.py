# DeiT-Tiny's class-token attention on ImageNet-S50 (paper, Table 2: 8.8 mIoU): labels,
# scaling, threshold and its search as in wwt_tiny_weak_imagenets50.py. Give the
# checkpoint of configs/mmpretrain/deit_tiny_in1k.py.
_base_ = './wwt_tiny_weak_imagenets50.py'

custom_imports = dict(
    imports=[
        'wwt_mm.segmentation.weak_attention_segmentor',
        'wwt_mm.datasets.imagenet_s',
    ],
    allow_failed_imports=False,
)
model = dict(
    type='WeakAttentionSegmentor',
    method='attention',
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch='deit-tiny',
        img_size=224,
        patch_size=16,
    ),
    head=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformerClsHead',
        num_classes=1000,
        in_channels=192,
    ),
)
