# As discovery_dinov2_voc12.py, by DINOv2 with four registers.
# Paper, Table 3: 55.4 CorLoc.
_base_ = './discovery_dinov2_voc12.py'

model = dict(backbone=dict(num_registers=4, resampling='antialias'))
