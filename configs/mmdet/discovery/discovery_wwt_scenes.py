# Object discovery on generated scenes by the masks of configs/mmpretrain/wwt_scenes.py.
_base_ = [
    '../../_base_/models/discovery_wwt.py',
    '../../_base_/datasets/discovery_scenes.py',
    '../../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        arch='nano',
        img_size=64,
        patch_size=8,
        num_slots=16,
    )
)

custom_hooks = [*_base_.custom_hooks, dict(type='DiscoveryGridHook')]
