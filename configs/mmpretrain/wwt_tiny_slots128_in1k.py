# Table 7: 128 slots instead of 64.
_base_ = './wwt_tiny_in1k.py'

model = dict(backbone=dict(num_slots=128))
