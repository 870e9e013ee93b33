# Zero-shot object discovery with the features of a ViT-S/16 (DeiT, DINO), by LOST.
# Any other method: --cfg-options model.method.type=TokenCut (MOST, LaSt,
# ClassTokenAttention, Rollout).
_base_ = './discovery_wwt.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch='deit-small',
        img_size=224,
        patch_size=16,
        out_type='raw',
    ),
    method=dict(type='LOST'),
)
