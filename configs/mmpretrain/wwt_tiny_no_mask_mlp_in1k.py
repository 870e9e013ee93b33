# Table 7, "w/o MLP over attention": M+ = A.
_base_ = './wwt_tiny_in1k.py'

model = dict(backbone=dict(mask_mlp=False))
