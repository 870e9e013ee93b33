# WWT-Tiny on 100 classes of Tiny-ImageNet, as wwt_micro_tinyimagenet.py trains the
# smaller model.
_base_ = ['./wwt_micro_tinyimagenet.py']

model = dict(
    backbone=dict(arch='tiny'),
    head=dict(in_channels=192),
    autoencoding_head=dict(in_channels=192),
)
