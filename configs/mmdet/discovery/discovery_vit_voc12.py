# Object discovery on VOC12 trainval by a ViT-S/16 and LOST. The checkpoint decides
# whether it is DeiT or DINO.
# Paper, Table 3: DINO 61.9 CorLoc (its row on labels: discovery_deit3_voc12.py).
_base_ = [
    '../../_base_/models/discovery_vit.py',
    '../../_base_/datasets/discovery_voc12.py',
    '../../_base_/default_runtime.py',
]

# ViTCheckpointHook takes DeiT's and DINO's own files.
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ViTCheckpointHook'),
    dict(type='DiscoveryGridHook'),
]
