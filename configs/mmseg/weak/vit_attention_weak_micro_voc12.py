# The baseline of wwt_weak_micro_voc12.py: class-token attention, with the checkpoint of
# configs/mmpretrain/vit_micro_tinyimagenet.py. model.method=rollout: rollout.
_base_ = './wwt_weak_micro_voc12.py'

custom_imports = dict(
    imports=['wwt_mm.segmentation.weak_attention_segmentor'],
    allow_failed_imports=False,
)
model = dict(
    type='WeakAttentionSegmentor',
    method='attention',
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch=dict(embed_dims=96, num_layers=6, num_heads=3, feedforward_channels=384),
        img_size=64,
        patch_size=4,
    ),
    head=dict(
        _delete_=True, type='mmpretrain.LinearClsHead', num_classes=100, in_channels=96
    ),
)
