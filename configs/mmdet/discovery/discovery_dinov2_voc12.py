# As discovery_vit_voc12.py, by DINOv2 and LOST. Which of its sizes the paper
# cites is not given: --cfg-options model.backbone.arch=dinov2-small (base, large).
# Paper, Table 3: 35.3 CorLoc.
_base_ = './discovery_vit_voc12.py'

model = dict(
    backbone=dict(
        type='mmpretrain.RegisterVisionTransformer',
        num_registers=0,
        resampling='scale',  # of position embeddings, as DINOv2's code
        arch='large',
        img_size=518,
        patch_size=14,
        layer_scale_init_value=1e-5,
    )
)
