# A peer of wwt_det_micro_voc12.py without a decoder: YOLOS on the ViT of
# configs/mmpretrain/vit_micro_tinyimagenet.py, trained alike. Attention among 576
# patches makes it 0.80 billion products, WWT-DET having 0.49.
_base_ = './wwt_det_micro_voc12.py'
custom_imports = dict(
    imports=['wwt_mm.detection', 'wwt_mm.query_vit'], allow_failed_imports=False
)

model = dict(
    type='SingleStageDetector',
    # Padding is taken for image: one canvas, so that a position means the same always.
    data_preprocessor=dict(pad_size_divisor=96),
    backbone=dict(
        _delete_=True,
        type='QueryViT',
        arch=dict(embed_dims=96, num_layers=6, num_heads=3, feedforward_channels=384),
        img_size=96,
        patch_size=4,
        num_queries=16,
    ),
    bbox_head=dict(
        _delete_=True,
        type='SlotBBoxHead',
        num_classes=6,
        embed_dims=96,
        stride=4,
        bg_cls_weight=0.1,
        loss_bbox=dict(type='L1Loss', loss_weight=5.0),
        loss_iou=dict(type='GIoULoss', loss_weight=2.0),
    ),
)
