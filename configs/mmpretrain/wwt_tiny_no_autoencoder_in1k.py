# Table 7, "w/o AE head". No loss reaches the last block's MLP over attention then.
_base_ = './wwt_tiny_in1k.py'

model = dict(autoencoding_head=None)
