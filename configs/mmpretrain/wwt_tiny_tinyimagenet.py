# WWT-Tiny on 100 classes of Tiny-ImageNet, on patches of 4 pixels, for a GPU; trained
# as the smaller model of wwt_micro_tinyimagenet.py, which says how to train it longer.
_base_ = ['./wwt_micro_tinyimagenet.py']

model = dict(
    backbone=dict(arch='tiny'),
    head=dict(in_channels=192),
    autoencoding_head=dict(in_channels=192),
)
