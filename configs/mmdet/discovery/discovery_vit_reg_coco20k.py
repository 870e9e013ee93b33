# As discovery_vit_coco20k.py, by a ViT with four registers.
# Paper, Table 3: DeiT with registers 25.1 CorLoc.
_base_ = './discovery_vit_coco20k.py'

model = dict(
    backbone=dict(type='mmpretrain.RegisterVisionTransformer', num_registers=4)
)
