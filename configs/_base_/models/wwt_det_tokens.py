# The counterpart of WWT-DET in Table 6: the same head on patch tokens.
_base_ = './wwt_det.py'

model = dict(
    bbox_head=dict(
        _delete_=True,
        type='TokenBBoxHead',
        num_classes=20,
        embed_dims=384,
        stride=16,
        bg_cls_weight=0.1,
        loss_bbox=dict(type='L1Loss', loss_weight=5.0),
        loss_iou=dict(type='GIoULoss', loss_weight=2.0),
    )
)
# Slots of the last block, and what makes its masks, never reach a loss here: DDP looks
# for that once.
model_wrapper_cfg = dict(
    type='MMDistributedDataParallel', broadcast_buffers=False, static_graph=True
)
