# mmseg's Mask2Former, small and on generated scenes, for a CPU: on the backbone and by
# the schedule of configs/mmseg/wwt_seg_scenes.py. Its queries begin as the slots of WWT
# and attend first to where its masks are. Learned queries for comparison: --cfg-options
# model.decode_head.slot_queries=False model.decode_head.mask_threshold=None
_base_ = '../wwt_seg_scenes.py'
custom_imports = dict(
    imports=['wwt_mm.segmentation', 'wwt_mm.segmentation.slot_mask2former_head'],
    allow_failed_imports=False,
)

dims = 96
norm = dict(type='GN', num_groups=16)
attention = dict(embed_dims=dims, num_heads=3, dropout=0.0, batch_first=True)
ffn = dict(
    embed_dims=dims,
    feedforward_channels=2 * dims,
    num_fcs=2,
    ffn_drop=0.0,
    act_cfg=dict(type='ReLU', inplace=True),
)
positions = dict(num_feats=dims // 2, normalize=True)
model = dict(
    neck=dict(
        type='TokensBesideSlots',
        neck=dict(
            type='SimplePyramid',
            in_channels=dims,
            out_channels=dims,
            scales=(2, 1, 0.5, 0.25),
        ),
    ),
    decode_head=dict(
        _delete_=True,
        type='SlotMask2FormerHead',
        slot_channels=dims,
        num_classes=11,
        in_channels=[dims] * 4,
        strides=[4, 8, 16, 32],
        feat_channels=dims,
        out_channels=dims,
        num_things_classes=11,
        num_stuff_classes=0,
        num_queries=16,
        num_transformer_feat_level=3,
        pixel_decoder=dict(
            type='mmdet.MSDeformAttnPixelDecoder',
            num_outs=3,
            norm_cfg=norm,
            act_cfg=dict(type='ReLU'),
            encoder=dict(
                num_layers=1,
                layer_cfg=dict(
                    self_attn_cfg=dict(
                        embed_dims=dims,
                        num_heads=3,
                        num_levels=3,
                        num_points=4,
                        dropout=0.0,
                        batch_first=True,
                    ),
                    ffn_cfg=ffn,
                ),
            ),
            positional_encoding=positions,
        ),
        positional_encoding=positions,
        transformer_decoder=dict(
            return_intermediate=True,
            num_layers=3,
            layer_cfg=dict(
                self_attn_cfg=attention, cross_attn_cfg=attention, ffn_cfg=ffn
            ),
            init_cfg=None,
        ),
        loss_cls=dict(
            type='mmdet.CrossEntropyLoss',
            loss_weight=2.0,
            class_weight=[1.0] * 11 + [0.1],
        ),
        loss_mask=dict(
            type='mmdet.CrossEntropyLoss', use_sigmoid=True, loss_weight=5.0
        ),
        loss_dice=dict(
            type='mmdet.DiceLoss', naive_dice=True, eps=1.0, loss_weight=5.0
        ),
        train_cfg=dict(
            num_points=1024,
            assigner=dict(
                type='mmdet.FiniteHungarianAssigner',
                match_costs=[
                    dict(type='mmdet.ClassificationCost', weight=2.0),
                    dict(
                        type='mmdet.CrossEntropyLossCost', use_sigmoid=True, weight=5.0
                    ),
                    dict(type='mmdet.DiceCost', pred_act=True, eps=1.0, weight=5.0),
                ],
            ),
            sampler=dict(type='mmdet.MaskPseudoSampler'),
        ),
    ),
)
