# DeiT-Small (paper, Table 1): mmpretrain's ViT, trained as WWT-Small is.
_base_ = './deit_tiny_in1k.py'

model = dict(backbone=dict(arch='deit-small'), head=dict(in_channels=384))
