# WWT on generated scenes without finetuning; only tested, with the checkpoint of
# configs/mmpretrain/wwt_scenes.py.
_base_ = [
    '../../_base_/models/ocl_wwt_zeroshot.py',
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
)
