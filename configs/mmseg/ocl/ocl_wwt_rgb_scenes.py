# WWT-OCL with RGB as its target on generated scenes; starts as ocl_wwt_scenes.py.
_base_ = [
    '../../_base_/models/ocl_wwt_rgb.py',
    '../../_base_/datasets/ocl_scenes.py',
    '../../_base_/schedules/ocl_scenes.py',
]

model = dict(
    backbone=dict(
        arch='nano',
        img_size=64,
        patch_size=8,
        num_slots=16,
    ),
    # Up to four objects, and the background
    grouping=dict(num_slots=5),
    decoder=dict(in_channels=96, patch_size=8),
)
