# WWT-Tiny on ImageNet-S919, as wwt_tiny_weak_imagenets50.py; not in the paper.
_base_ = './wwt_tiny_weak_imagenets50.py'

data_root = 'data/ImageNetS919/'
model = dict(num_classes=919, class_map=dict(subset=919))
test_dataloader = dict(dataset=dict(data_root=data_root, subset=919))
