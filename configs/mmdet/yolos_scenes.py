# A peer of wwt_det_scenes.py without a decoder: YOLOS, trained alike. Two of the ViT's
# blocks are left out for 43 million products, WWT-DET having 40:
#
#   python tools/train.py configs/mmpretrain/vit_scenes.py \
#       --work-dir work_dirs/vit_4_scenes --cfg-options model.backbone.arch.num_layers=4
#   python tools/train.py configs/mmdet/yolos_scenes.py \
#       --cfg-options load_from=work_dirs/vit_4_scenes/epoch_8.pth
_base_ = './wwt_det_scenes.py'
custom_imports = dict(
    imports=['wwt_mm.detection', 'wwt_mm.query_vit'], allow_failed_imports=False
)

model = dict(
    type='SingleStageDetector',
    backbone=dict(
        _delete_=True,
        type='QueryViT',
        arch=dict(embed_dims=96, num_layers=4, num_heads=3, feedforward_channels=384),
        img_size=64,
        patch_size=8,
        num_queries=16,
    ),
    bbox_head=dict(
        _delete_=True,
        type='SlotBBoxHead',
        num_classes=10,
        embed_dims=96,
        stride=8,
        bg_cls_weight=0.1,
        loss_bbox=dict(type='L1Loss', loss_weight=5.0),
        loss_iou=dict(type='GIoULoss', loss_weight=2.0),
    ),
)
