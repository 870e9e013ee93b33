# As discovery_deit3_voc12.py, with four registers. Weights have not been published.
# Paper, Table 3: 27.1 CorLoc.
_base_ = './discovery_deit3_voc12.py'

model = dict(
    backbone=dict(type='mmpretrain.RegisterVisionTransformer', num_registers=4)
)
