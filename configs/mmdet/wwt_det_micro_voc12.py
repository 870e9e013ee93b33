# WWT-DET on the animals and people of VOC 2012, for a CPU: finetunes
# configs/mmpretrain/wwt_micro_tinyimagenet.py. Every value is our choice; none is from
# the paper.
#
#   python tools/train.py configs/mmdet/wwt_det_micro_voc12.py --amp \
#       --cfg-options load_from=work_dirs/wwt_micro_tinyimagenet/epoch_11.pth
_base_ = './wwt_det_scenes.py'

data_root = 'data/VOCdevkit/'
metainfo = dict(classes=('cat', 'cow', 'dog', 'horse', 'person', 'sheep'))
# Of the others there are few in a subset of animals.
ignored_classes = (
    'aeroplane',
    'bicycle',
    'bird',
    'boat',
    'bottle',
    'bus',
    'car',
    'chair',
    'diningtable',
    'motorbike',
    'pottedplant',
    'sofa',
    'train',
    'tvmonitor',
)

model = dict(
    data_preprocessor=dict(pad_size_divisor=4),
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=128, num_layers=6, num_heads=4),
        patch_size=4,
    ),
    bbox_head=dict(num_classes=6, embed_dims=128, num_heads=4, stride=4),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='RandomChoiceResize',
        scales=[(72, 72), (84, 84), (96, 96)],
        keep_ratio=True,
    ),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(96, 96), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        metainfo=metainfo,
        data_root=data_root,
        ann_file='VOC2012/ImageSets/Main/train.txt',
        data_prefix=dict(sub_data_root='VOC2012/'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    dataset=dict(
        metainfo=metainfo,
        data_root=data_root,
        ann_file='VOC2012/ImageSets/Main/val.txt',
        data_prefix=dict(sub_data_root='VOC2012/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='ClassAPMetric', eval_mode='area')
test_evaluator = val_evaluator

max_epochs = 30  # 840 iterations with 437 images
train_cfg = dict(max_epochs=max_epochs, val_interval=20)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=20))
auto_scale_lr = dict(base_batch_size=16)
