# Object discovery on Tiny-ImageNet by configs/mmpretrain/vit_micro_tinyimagenet.py and
# LOST.
_base_ = [
    '../../_base_/models/discovery_vit.py',
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/discovery_tinyimagenet.py',
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
        patch_size=4,
    )
)

custom_hooks = [*_base_.custom_hooks, dict(type='DiscoveryGridHook')]
