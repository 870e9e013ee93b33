# Object discovery on VOC07 trainval by a ViT-S/16 and LOST. The checkpoint decides
# whether it is DeiT or DINO.
_base_ = [
    '../../_base_/models/discovery_vit.py',
    '../../_base_/datasets/discovery_voc07.py',
    '../../_base_/default_runtime.py',
]

# ViTCheckpointHook takes DeiT's and DINO's own files.
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ViTCheckpointHook'),
    dict(type='DiscoveryGridHook'),
]
