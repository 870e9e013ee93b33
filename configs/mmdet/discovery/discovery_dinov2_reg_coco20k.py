# As discovery_dinov2_coco20k.py, by DINOv2 with four registers.
# Paper, Table 3: 42.0 CorLoc.
_base_ = './discovery_dinov2_coco20k.py'

model = dict(backbone=dict(num_registers=4, resampling='antialias'))
