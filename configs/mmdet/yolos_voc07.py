# A peer of wwt_det_voc07.py that has no decoder either, and is not in the paper: YOLOS,
# DeiT-Small with as many detection tokens as WWT-DET has slots. Starts from the
# checkpoint of configs/mmpretrain/deit_small_in1k.py.
_base_ = './wwt_det_voc07.py'
custom_imports = dict(
    imports=['wwt_mm.detection', 'wwt_mm.query_vit'], allow_failed_imports=False
)

model = dict(
    # As its authors do it, padding is taken for image.
    type='SingleStageDetector',
    backbone=dict(
        _delete_=True,
        type='QueryViT',
        arch='deit-small',
        img_size=512,
        patch_size=16,
        num_queries=64,
        drop_path_rate=0.1,
    ),
    bbox_head=dict(
        _delete_=True,
        type='SlotBBoxHead',
        num_classes=20,
        embed_dims=384,
        stride=16,
        bg_cls_weight=0.1,
        loss_bbox=dict(type='L1Loss', loss_weight=5.0),
        loss_iou=dict(type='GIoULoss', loss_weight=2.0),
    ),
)
