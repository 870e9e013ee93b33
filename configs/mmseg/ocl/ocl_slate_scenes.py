# What stands in for SLATE on generated scenes; see configs/_base_/models/ocl_slate.py.
_base_ = [
    '../../_base_/models/ocl_slate.py',
    '../../_base_/datasets/ocl_scenes.py',
    '../../_base_/schedules/ocl_scenes.py',
]

model = dict(
    # Two short stages at half and a quarter of the resolution, for a CPU
    backbone=dict(
        depth=18,
        num_stages=2,
        strides=(2, 2),
        dilations=(1, 1),
        out_indices=(1,),
        stem_channels=32,
        base_channels=32,
        norm_cfg=dict(num_groups=8),
    ),
    grouping=dict(in_channels=64, num_slots=5, channels=64, grid=(16, 16)),
    decoder=dict(
        in_channels=64,
        embed_dims=96,
        num_layers=2,
        num_heads=3,
        grid=(8, 8),
    ),
)
