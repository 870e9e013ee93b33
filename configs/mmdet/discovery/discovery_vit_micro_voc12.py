# Object discovery on VOC 2012 val by
# configs/mmpretrain/vit_micro_tinyimagenet.py, or by its counterpart without labels,
# mae_vit_micro_tinyimagenet.py, and LOST.
_base_ = [
    '../../_base_/models/discovery_vit.py',
    '../../_base_/datasets/discovery_micro_voc12.py',
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
        patch_size=4,
    )
)

custom_hooks = [*_base_.custom_hooks, dict(type='DiscoveryGridHook')]
