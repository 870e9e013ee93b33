# The WWT of wwt_micro_tinyimagenet.py, trained by its autoencoding head alone.
_base_ = './autoencoder_wwt_scenes.py'
custom_imports = dict(
    imports=['wwt_mm.classification', 'wwt_mm.datasets.tiny_imagenet'],
    allow_failed_imports=False,
)

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=128, num_layers=6, num_heads=4),
        patch_size=4,
    ),
    head=dict(in_channels=128, patch_size=4),
)
data_root = 'data/tiny-imagenet-200'
train_dataloader = dict(
    num_workers=1,
    dataset=dict(
        _delete_=True,
        type='TinyImageNet',
        data_root=data_root,
        split='train',
        pipeline=[
            dict(type='LoadImageFromFile'),
            # 48 pixels, as in wwt_micro_tinyimagenet.py
            dict(type='RandomResizedCrop', scale=48, crop_ratio_range=(0.35, 1.0)),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='PackInputs'),
        ],
    ),
)
