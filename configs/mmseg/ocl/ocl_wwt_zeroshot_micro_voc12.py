# WWT on photographs without finetuning; only tested, with the checkpoint of
# configs/mmpretrain/wwt_micro_tinyimagenet.py.
_base_ = [
    '../../_base_/models/ocl_wwt_zeroshot.py',
    '../../_base_/datasets/ocl_micro_voc12.py',
    '../../_base_/schedules/ocl_micro.py',
]

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=128, num_layers=6, num_heads=4),
        img_size=64,
        patch_size=4,
        num_slots=16,
    ),
)
