# WWT-Tiny on ImageNet-S50 without any training (paper, Table 2: 49.1 mIoU). Give the
# checkpoint of configs/mmpretrain/wwt_tiny_in1k.py. First the threshold, on training
# images, then the result with it:
#
#   python tools/test.py configs/mmseg/weak/wwt_tiny_weak_imagenets50.py CHECKPOINT \
#       --cfg-options test_dataloader.dataset.split=train-semi \
#       test_evaluator.type=ThresholdSearch test_evaluator.ignore_index=1000
#   python tools/test.py configs/mmseg/weak/wwt_tiny_weak_imagenets50.py CHECKPOINT \
#       --cfg-options model.threshold=THRESHOLD
_base_ = [
    '../../_base_/models/wwt_tiny_weak_seg.py',
    '../../_base_/datasets/imagenet_s.py',
    '../../_base_/default_runtime.py',
]

# ImageNet's 1000 outputs to the classes of ImageNet-S
model = dict(num_classes=50, class_map=dict(type='imagenet_class_map', subset=50))
default_hooks = dict(visualization=dict(type='SegVisualizationHook'))
