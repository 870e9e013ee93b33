# The teacher of object-centric learning of the micro models on photographs: the masked
# autoencoder of configs/mmpretrain/mae_vit_micro_tinyimagenet.py.
teacher = dict(
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
    checkpoint='work_dirs/mae_vit_micro_tinyimagenet/epoch_8.pth',
)
