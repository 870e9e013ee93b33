# The WWT of wwt_scenes.py without labels: MoCo v3 of mean slots and the autoencoding
# head. (autoencoding_head=None leaves the last masks untrained.)
_base_ = './autoencoder_wwt_scenes.py'

model = dict(
    type='SlotMoCoV3',
    neck=[
        dict(type='AverageSlots'),
        dict(
            type='NonLinearNeck',
            in_channels=96,
            hid_channels=512,
            out_channels=128,
            num_layers=3,
            with_last_bn_affine=False,
            with_avg_pool=False,
        ),
    ],
    head=dict(
        _delete_=True,
        type='MoCoV3Head',
        predictor=dict(
            type='NonLinearNeck',
            in_channels=128,
            hid_channels=512,
            out_channels=128,
            with_last_bn_affine=False,
            with_avg_pool=False,
        ),
        loss=dict(type='CrossEntropyLoss', loss_weight=2 * 0.2),
        temperature=0.2,
    ),
    autoencoding_head=_base_.model.head,
)

# Two views. What makes a class, its shape and roughly its colour, is in both. Of 48
# pixels a view takes 0.6 of the time, and shapes are as large as in whole images.
view_pipeline = [
    dict(type='RandomResizedCrop', scale=48, crop_ratio_range=(0.35, 1.0)),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(
        type='RandomApply',
        transforms=dict(
            type='ColorJitter', brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1
        ),
        prob=0.8,
    ),
    dict(type='RandomGrayscale', prob=0.2, keep_channels=True),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiView', num_views=2, transforms=[view_pipeline]),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
