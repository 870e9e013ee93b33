# Can the model fit what it sees? WWT-Tiny from scratch, trained and tested on the same
# images, without augmentation. A check of model, data and tools on a CPU, meant for a
# handful of images; see docs/detection.md.
_base_ = './wwt_det_moments_voc07.py'

side = 256
model = dict(
    backbone=dict(
        arch='tiny',
        img_size=side,
        drop_path_rate=0.0,
        # Without it, masks of 12 blocks trained from scratch explode
        # (docs/architecture.md).
        norm_scores=True,
    ),
    bbox_head=dict(embed_dims=192, num_heads=3),
)

train_dataloader = dict(
    dataset=dict(
        ann_file='VOC2007/ImageSets/Main/test.txt',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True),
            dict(type='Resize', scale=(side, side), keep_ratio=True),
            dict(type='PackDetInputs'),
        ],
    ),
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(side, side), keep_ratio=True),
            dict(type='LoadAnnotations', with_bbox=True),
            dict(
                type='PackDetInputs',
                meta_keys=(
                    'img_id',
                    'img_path',
                    'ori_shape',
                    'img_shape',
                    'scale_factor',
                ),
            ),
        ],
    ),
)
test_dataloader = val_dataloader

# 24 images make 6 iterations of 4.
max_epochs = 800
train_cfg = dict(max_epochs=max_epochs, val_interval=50)
optim_wrapper = dict(optimizer=dict(lr=3e-4, weight_decay=0.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-6,
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(logger=dict(interval=6), checkpoint=dict(interval=50))
randomness = dict(seed=0)
auto_scale_lr = dict(base_batch_size=4)
