# detr_slots.py, small and on generated scenes, for a CPU: on the backbone and by the
# schedule of configs/mmdet/wwt_det_scenes.py. Learned queries for comparison:
# --cfg-options model.slot_queries=False
_base_ = '../wwt_det_scenes.py'
find_unused_parameters = True  # the last block's MLP over masks is left out

attention = dict(embed_dims=96, num_heads=3, dropout=0.0, batch_first=True)
ffn = dict(embed_dims=96, feedforward_channels=384, num_fcs=2, ffn_drop=0.0)
model = dict(
    _delete_=True,
    type='SlotDETR',
    num_queries=16,
    data_preprocessor={{_base_.model.data_preprocessor}},
    backbone={{_base_.model.backbone}},
    neck=dict(
        type='TokensBesideSlots',
        neck=dict(
            type='ChannelMapper',
            in_channels=[96],
            kernel_size=1,
            out_channels=96,
            act_cfg=None,
            norm_cfg=None,
            num_outs=1,
        ),
    ),
    encoder=dict(num_layers=1, layer_cfg=dict(self_attn_cfg=attention, ffn_cfg=ffn)),
    decoder=dict(
        num_layers=2,
        layer_cfg=dict(self_attn_cfg=attention, cross_attn_cfg=attention, ffn_cfg=ffn),
        return_intermediate=True,
    ),
    positional_encoding=dict(num_feats=48, normalize=True),
    bbox_head=dict(
        type='DETRHead',
        num_classes=10,
        embed_dims=96,
        loss_cls=dict(
            type='CrossEntropyLoss',
            bg_cls_weight=0.1,
            use_sigmoid=False,
            loss_weight=1.0,
            class_weight=1.0,
        ),
        loss_bbox=dict(type='L1Loss', loss_weight=5.0),
        loss_iou=dict(type='GIoULoss', loss_weight=2.0),
    ),
    train_cfg={{_base_.model.train_cfg}},
    test_cfg=dict(max_per_img=16),
)
