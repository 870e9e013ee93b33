# DINOSAUR-MLP on photographs, with the teacher of ocl_wwt_micro_voc12.py.
_base_ = [
    '../../_base_/models/ocl_dinosaur_mlp.py',
    '../../_base_/datasets/ocl_micro_voc12.py',
    '../../_base_/schedules/ocl_micro.py',
]

model = dict(
    grouping=dict(in_channels=96, channels=128),
    decoder=dict(in_channels=128, out_channels=96, grid=(16, 16), hidden_channels=384),
    target=dict(
        backbone=dict(
            arch=dict(
                _delete_=True,
                embed_dims=96,
                num_layers=6,
                num_heads=3,
                feedforward_channels=384,
            ),
            img_size=64,
            patch_size=4,
            final_norm=True,  # features of unit scale, for so few iterations
        ),
        checkpoint='work_dirs/mae_vit_micro_tinyimagenet/epoch_20.pth',
    ),
)
