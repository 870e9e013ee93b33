# A ViT of as many products as wwt_micro_tinyimagenet.py (248 million, of which the
# attention of its 257 tokens takes a third) and the same patches, trained alike.
_base_ = ['./wwt_micro_tinyimagenet.py']

model = dict(
    _delete_=True,
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(
        num_classes=100,
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(embed_dims=96, num_layers=6, num_heads=3, feedforward_channels=384),
        img_size=64,
        patch_size=4,
    ),
    head=dict(
        type='mmpretrain.LinearClsHead',
        num_classes=100,
        in_channels=96,
        loss=dict(
            type='mmpretrain.LabelSmoothLoss', label_smooth_val=0.1, mode='original'
        ),
        cal_acc=True,
    ),
)
