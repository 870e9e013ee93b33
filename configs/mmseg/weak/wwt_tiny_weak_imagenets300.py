# WWT-Tiny on ImageNet-S300, as wwt_tiny_weak_imagenets50.py; not in the paper.
_base_ = './wwt_tiny_weak_imagenets50.py'

data_root = 'data/ImageNetS300/'
model = dict(num_classes=300, class_map=dict(subset=300))
test_dataloader = dict(dataset=dict(data_root=data_root, subset=300))
