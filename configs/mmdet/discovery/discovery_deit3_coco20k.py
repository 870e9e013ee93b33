# As discovery_vit_coco20k.py, by DeiT-III's ViT-B/16. LOST reads its values, as in
# Darcet et al. (2024), whom the paper cites. They also add a bias to the similarities,
# model.method.bias, and do not give it.
# Paper, Table 3: 10.7 CorLoc.
_base_ = './discovery_vit_coco20k.py'

model = dict(
    backbone=dict(arch='deit-base', layer_scale_init_value=1e-6),
    method=dict(features='value'),
)
