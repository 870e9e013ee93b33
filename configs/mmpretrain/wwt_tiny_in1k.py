# WWT-Tiny on ImageNet-1k (paper, Table 1), for 8 GPUs with 128 images each.
_base_ = [
    '../_base_/models/wwt_tiny_cls.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/deit_300e.py',
    '../_base_/mmpretrain_runtime.py',
]
