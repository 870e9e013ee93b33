# As discovery_deit3_coco20k.py, with four registers. Weights have not been published.
# Paper, Table 3: 25.1 CorLoc.
_base_ = './discovery_deit3_coco20k.py'

model = dict(
    backbone=dict(type='mmpretrain.RegisterVisionTransformer', num_registers=4)
)
