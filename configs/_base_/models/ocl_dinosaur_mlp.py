# DINOSAUR-MLP: Slot Attention on features of a frozen DINO ViT, which slots predict.
# Values are those of the public configs of its authors.
_base_ = './ocl_wwt.py'

model = dict(
    backbone=None,  # the grouping reads the features of the target
    grouping=dict(
        _delete_=True,
        type='SlotAttention',
        in_channels=768,
        num_slots=6,
        channels=256,
        hidden_channels=768,
    ),
    decoder=dict(in_channels=256, competition='alpha'),
)
