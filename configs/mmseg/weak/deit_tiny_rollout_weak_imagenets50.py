# DeiT-Tiny's attention rollout on ImageNet-S50 (paper, Table 2: 35.9 mIoU).
_base_ = './deit_tiny_attention_weak_imagenets50.py'

model = dict(method='rollout')
