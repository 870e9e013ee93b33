# As discovery_vit_voc12.py, by a ViT with four registers.
# Paper, Table 3: DeiT with registers 27.1 CorLoc.
_base_ = './discovery_vit_voc12.py'

model = dict(
    backbone=dict(type='mmpretrain.RegisterVisionTransformer', num_registers=4)
)
