# DINOSAUR-Transformer: DINOSAUR-MLP with an autoregressive decoder.
_base_ = './ocl_dinosaur_mlp.py'

model = dict(
    decoder=dict(
        _delete_=True,
        type='AutoregressiveDecoder',
        in_channels=256,
        embed_dims=768,
        num_layers=4,
        num_heads=4,  # on VOC; 8 on COCO
    ),
)
