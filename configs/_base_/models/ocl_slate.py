# What stands in for SLATE: Slot Attention on RGB images with an autoregressive decoder
# of continuous patches. SLATE itself predicts tokens of a discrete VAE trained with it.
_base_ = './ocl_slot_attention.py'

model = dict(
    grouping=dict(num_slots=6),
    decoder=dict(
        _delete_=True,
        type='AutoregressiveDecoder',
        in_channels=256,
        out_channels=3 * 8**2,
        embed_dims=256,
        num_layers=4,
        num_heads=4,
        grid=(16, 16),
        masks_from='grouping',  # as SLATE
    ),
    target=dict(patch_size=8),
)
