# The WWT of wwt_micro_tinyimagenet.py by MoCo v3 with the autoencoding head.
_base_ = './mocov3_wwt_scenes.py'
custom_imports = dict(
    imports=['wwt_mm.classification', 'wwt_mm.datasets.tiny_imagenet'],
    allow_failed_imports=False,
)

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=128, num_layers=6, num_heads=4),
        patch_size=4,
    ),
    neck=[_base_.model.neck[0], dict(_base_.model.neck[1], in_channels=128)],
    autoencoding_head=dict(in_channels=128, patch_size=4),
)
data_root = 'data/tiny-imagenet-200'
train_dataloader = dict(
    num_workers=1,
    dataset=dict(
        _delete_=True,
        type='TinyImageNet',
        data_root=data_root,
        split='train',
        pipeline=_base_.train_pipeline,
    ),
)
