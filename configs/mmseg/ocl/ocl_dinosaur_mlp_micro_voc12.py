# DINOSAUR-MLP on photographs, with the teacher of ocl_wwt_micro_voc12.py.
_base_ = [
    '../../_base_/models/ocl_dinosaur_mlp.py',
    '../../_base_/models/ocl_teacher_micro.py',
    '../../_base_/datasets/ocl_micro_voc12.py',
    '../../_base_/schedules/ocl_micro.py',
]

model = dict(
    grouping=dict(in_channels=96, channels=128, hidden_channels=96),
    decoder=dict(in_channels=128, out_channels=96, grid=(16, 16), hidden_channels=384),
    target=_base_.teacher,
)
