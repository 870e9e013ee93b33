# A small WWT-DET on generated scenes, for a CPU: the second stage of the demo. Every
# value was chosen on 64-pixel scenes; none is from the paper.
#
#   python tools/dataset_converters/make_scenes.py data/scenes
#   python tools/train.py configs/mmpretrain/wwt_scenes.py
#   python tools/train.py configs/mmdet/wwt_det_scenes.py \
#       --cfg-options load_from=work_dirs/wwt_scenes/epoch_8.pth
_base_ = './wwt_det_moments_voc07.py'

metainfo = dict(
    classes=(
        'arrow',
        'circle',
        'crescent',
        'cross',
        'heart',
        'hexagon',
        'ring',
        'square',
        'star',
        'triangle',
    )
)
data_root = 'data/scenes/'

model = dict(
    data_preprocessor=dict(pad_size_divisor=8),
    backbone=dict(
        arch='nano',
        img_size=64,
        patch_size=8,
        num_slots=16,
        drop_path_rate=0.0,
    ),
    bbox_head=dict(
        num_classes=10,
        embed_dims=96,
        num_heads=3,
        stride=8,
    ),
    test_cfg=dict(max_per_img=16),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(64, 64), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
# XMLDataset, not VOCDataset: VOCMetric would print VOC's class names for the latter.
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        type='XMLDataset',
        metainfo=metainfo,
        data_root=data_root,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=32,
    dataset=dict(
        type='XMLDataset',
        metainfo=metainfo,
        data_root=data_root,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

max_epochs = 7  # 553 iterations
train_cfg = dict(max_epochs=max_epochs, val_interval=7)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
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
