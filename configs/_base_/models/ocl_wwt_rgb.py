# WWT-OCL with RGB as its target: the pretraining's autoencoding head, first slots only.
_base_ = './ocl_wwt.py'

model = dict(
    decoder=dict(_delete_=True, type='CNNDecoder', in_channels=384, patch_size=16),
    target=dict(_delete_=True, type='PixelTarget'),
)
