# WWT-OCL on photographs: starts from configs/mmpretrain/wwt_micro_tinyimagenet.py
# (load_from), with mae_vit_micro_tinyimagenet.py there for DINO. Of its slots the first
# six are kept, as in the paper.
_base_ = [
    '../../_base_/models/ocl_wwt.py',
    '../../_base_/models/ocl_teacher_micro.py',
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
    decoder=dict(in_channels=128, out_channels=96, grid=(16, 16), hidden_channels=384),
    target=_base_.teacher,
)
