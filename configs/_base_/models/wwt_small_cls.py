# WWT-Small with both heads of its pretraining.
_base_ = './wwt_tiny_cls.py'

model = dict(
    backbone=dict(arch='small'),
    head=dict(in_channels=384),
    autoencoding_head=dict(in_channels=384),
)
