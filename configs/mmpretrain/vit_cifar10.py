# A ViT of the size of wwt_cifar10.py, trained alike.
_base_ = ['./wwt_cifar10.py']

model = dict(
    _delete_=True,
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(
        num_classes=10,
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(embed_dims=96, num_layers=6, num_heads=3, feedforward_channels=384),
        img_size=32,
        patch_size=4,
    ),
    head=dict(
        type='mmpretrain.LinearClsHead',
        num_classes=10,
        in_channels=96,
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        cal_acc=True,
    ),
)
