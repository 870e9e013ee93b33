# DINOSAUR-Transformer on generated scenes, with the teacher of ocl_wwt_scenes.py.
_base_ = [
    '../../_base_/models/ocl_dinosaur_transformer.py',
    '../../_base_/models/ocl_teacher_scenes.py',
    '../../_base_/datasets/ocl_scenes.py',
    '../../_base_/schedules/ocl_scenes.py',
]

model = dict(
    grouping=dict(in_channels=96, num_slots=5, channels=96, hidden_channels=96),
    decoder=dict(in_channels=96, embed_dims=96, num_layers=2, num_heads=3),
    target=_base_.teacher,
)
