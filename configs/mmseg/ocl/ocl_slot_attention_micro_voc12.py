# Slot Attention on the pixels of photographs, as ocl_slot_attention_scenes.py.
_base_ = [
    '../../_base_/models/ocl_slot_attention.py',
    '../../_base_/datasets/ocl_micro_voc12.py',
    '../../_base_/schedules/ocl_micro.py',
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
    grouping=dict(in_channels=64, num_slots=6, channels=64, hidden_channels=64),
    decoder=dict(in_channels=64, num_layers=3, hidden_channels=32),
)
