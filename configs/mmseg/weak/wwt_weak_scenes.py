# Label maps of scenes from image labels alone, with the checkpoint of
# configs/mmpretrain/wwt_scenes.py. As on ImageNet-S, the threshold is found on training
# images; see docs/segmentation.md.
_base_ = [
    '../../_base_/models/wwt_tiny_weak_seg.py',
    '../../_base_/datasets/scenes_seg.py',
    '../../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        arch='nano',
        img_size=64,
        patch_size=8,
        num_slots=16,
    ),
    head=dict(num_classes=10, in_channels=96),
    num_classes=10,
    patch_size=8,
    # Scenes hold up to four objects, and a classifier tells one.
    classes_from='given',
)
default_hooks = dict(visualization=dict(type='SegVisualizationHook'))
