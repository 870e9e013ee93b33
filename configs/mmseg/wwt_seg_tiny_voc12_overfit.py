# Can the model fit what it sees? WWT-Tiny from scratch, trained and tested on the same
# images, without augmentation. A check of model, data and tools on a CPU, meant for a
# handful of images; see docs/segmentation.md.
_base_ = './wwt_seg_voc12.py'

side = 256
model = dict(
    data_preprocessor=dict(size=(side, side)),
    backbone=dict(
        arch='tiny',
        img_size=side,
        drop_path_rate=0.0,
        # Without it, masks of 12 blocks trained from scratch explode
        # (docs/architecture.md).
        norm_scores=True,
    ),
    decode_head=dict(
        in_channels=192,
        channels=192,
        num_heads=3,
        dropout_ratio=0,
        loss_decode=dict(avg_non_ignore=True),  # as when docs/segmentation.md measured
    ),
)

resize = dict(type='Resize', scale=(side, side), keep_ratio=False)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        ann_file='VOC2012/ImageSets/Segmentation/val.txt',
        pipeline=[
            dict(type='LoadImageFromFile'),
            {{_base_.load_seg_map}},
            resize,
            dict(type='PackSegInputs'),
        ],
    ),
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            resize,
            {{_base_.load_seg_map}},
            dict(type='PackSegInputs'),
        ],
    ),
)
test_dataloader = val_dataloader

max_iters = 2000
train_cfg = dict(max_iters=max_iters, val_interval=500)
optim_wrapper = dict(optimizer=dict(lr=5e-4, weight_decay=0.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        begin=50,
        end=max_iters,
        by_epoch=False,
    ),
]
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=500))
randomness = dict(seed=0)
auto_scale_lr = dict(base_batch_size=4)
