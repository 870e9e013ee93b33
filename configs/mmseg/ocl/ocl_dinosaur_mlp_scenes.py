# DINOSAUR-MLP on generated scenes, with the teacher of ocl_wwt_scenes.py.
_base_ = [
    '../../_base_/models/ocl_dinosaur_mlp.py',
    '../../_base_/models/ocl_teacher_scenes.py',
    '../../_base_/datasets/ocl_scenes.py',
    '../../_base_/schedules/ocl_scenes.py',
]

model = dict(
    grouping=dict(in_channels=96, num_slots=5, channels=96, hidden_channels=96),
    decoder=dict(in_channels=96, out_channels=96, grid=(8, 8), hidden_channels=384),
    target=_base_.teacher,
)
