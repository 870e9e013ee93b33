# A small WWT-SEG on generated scenes, for a CPU. Every value was chosen on 64-pixel
# scenes; none is from the paper.
#
#   python tools/dataset_converters/make_scenes.py data/scenes
#   python tools/train.py configs/mmpretrain/wwt_scenes.py
#   python tools/train.py configs/mmseg/wwt_seg_scenes.py \
#       --cfg-options load_from=work_dirs/wwt_scenes/epoch_8.pth
_base_ = [
    '../_base_/models/wwt_seg.py',
    '../_base_/datasets/scenes_seg.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(
        arch='nano',
        img_size=64,
        patch_size=8,
        num_slots=16,
        drop_path_rate=0.0,
    ),
    decode_head=dict(
        in_channels=96,
        channels=96,
        num_classes=11,
        num_slots=16,
        num_heads=3,
        patch_size=8,
    ),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadSegMap', num_classes=11),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type={{_base_.dataset_type}},
        data_root={{_base_.data_root}},
        metainfo=dict(classes={{_base_.classes}}),
        data_prefix=dict(
            img_path='VOC2007/JPEGImages', seg_map_path='VOC2007/SegmentationClass'
        ),
        ann_file='VOC2007/ImageSets/Segmentation/trainval.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = {{_base_.test_dataloader}}
val_evaluator = {{_base_.test_evaluator}}

max_epochs = 7  # 553 iterations, as for detection
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=7)
val_cfg = dict(type='ValLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.05, fused=True),
    clip_grad=dict(max_norm=1.0, norm_type=2),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            'backbone.slots': dict(decay_mult=0.0),
            'backbone.pos_embed': dict(decay_mult=0.0),
            # Of a QueryViT:
            'backbone.cls_token': dict(decay_mult=0.0),
            'backbone.queries': dict(decay_mult=0.0),
        },
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(visualization=dict(type='SegVisualizationHook'))
