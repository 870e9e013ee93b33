# WWT-OCL on generated scenes: starts from configs/mmpretrain/wwt_scenes.py, with a
# masked autoencoder that this project trains, mae_vit_scenes.py there, for DINO:
#
#   python tools/train.py configs/mmseg/ocl/ocl_wwt_scenes.py \
#       --cfg-options load_from=work_dirs/wwt_scenes/epoch_8.pth
#
# A teacher trained on labels: model.target.checkpoint=work_dirs/vit_scenes/epoch_8.pth.
_base_ = [
    '../../_base_/models/ocl_wwt.py',
    '../../_base_/models/ocl_teacher_scenes.py',
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
    decoder=dict(in_channels=96, out_channels=96, grid=(8, 8), hidden_channels=384),
    target=_base_.teacher,
)
