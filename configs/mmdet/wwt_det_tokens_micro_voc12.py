# The counterpart of wwt_det_micro_voc12.py: the same head on patch tokens.
_base_ = './wwt_det_micro_voc12.py'

model = dict(
    bbox_head=dict(
        _delete_=True,
        type='TokenBBoxHead',
        num_classes=6,
        embed_dims=128,
        stride=4,
        bg_cls_weight=0.1,
        loss_bbox=dict(type='L1Loss', loss_weight=5.0),
        loss_iou=dict(type='GIoULoss', loss_weight=2.0),
    )
)
# Slots of the last block, and what makes its masks, reach no loss here.
find_unused_parameters = True
