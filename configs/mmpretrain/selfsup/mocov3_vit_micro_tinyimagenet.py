# The ViT of vit_micro_tinyimagenet.py by MoCo v3 of its class token, as
# mocov3_wwt_micro_tinyimagenet.py.
_base_ = './mocov3_wwt_micro_tinyimagenet.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='VisionTransformer',
        arch=dict(embed_dims=96, num_layers=6, num_heads=3, feedforward_channels=384),
        img_size=64,
        patch_size=4,
    ),
    neck=[dict(_base_.model.neck[1], in_channels=96)],
    autoencoding_head=None,
)
