# Object discovery on generated scenes by configs/mmpretrain/vit_scenes.py and LOST.
_base_ = [
    '../../_base_/models/discovery_vit.py',
    '../../_base_/datasets/discovery_scenes.py',
    '../../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=96,
            num_layers=6,
            num_heads=3,
            feedforward_channels=384,
        ),
        img_size=64,
        patch_size=8,
    )
)

custom_hooks = [*_base_.custom_hooks, dict(type='DiscoveryGridHook')]
