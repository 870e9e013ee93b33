# SLATE: slots predict the tokens of a discrete VAE, which learns at the same time.
# Values are those of the public configs of DINOSAUR's authors.
_base_ = './ocl_slot_attention.py'

model = dict(
    type='SLATE',
    backbone=None,  # the grouping reads the tokens
    grouping=dict(
        _delete_=True,
        type='SlotAttention',
        in_channels=192,
        num_slots=7,
        channels=192,
        iterations=7,
        mlp_ratio=1,
    ),
    decoder=dict(
        _delete_=True,
        type='AutoregressiveDecoder',
        in_channels=192,
        embed_dims=192,
        out_channels=4096,
        num_layers=8,
        num_heads=8,
        dropout=0.1,
        linear_input=False,
        masks_from='grouping',
    ),
    target=dict(
        _delete_=True,
        type='DiscreteVAE',
        vocabulary=4096,
        channels=192,
        grid=(32, 32),
        dropout=0.1,
    ),
)
