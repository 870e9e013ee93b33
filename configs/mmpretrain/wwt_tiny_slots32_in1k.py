# Table 7: 32 slots instead of 64.
_base_ = './wwt_tiny_in1k.py'

model = dict(backbone=dict(num_slots=32))
