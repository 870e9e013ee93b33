# Object discovery on VOC 2012 val by the masks of
# configs/mmpretrain/wwt_micro_tinyimagenet.py.
_base_ = [
    '../../_base_/models/discovery_wwt.py',
    '../../_base_/datasets/discovery_micro_voc12.py',
    '../../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=128, num_layers=6, num_heads=4),
        img_size=64,
        patch_size=4,
        num_slots=16,
    )
)

custom_hooks = [*_base_.custom_hooks, dict(type='DiscoveryGridHook')]
