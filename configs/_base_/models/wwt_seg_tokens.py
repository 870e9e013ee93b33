# The counterpart of WWT-SEG in Table 6: the same head on patch tokens.
_base_ = './wwt_seg.py'

model = dict(
    decode_head=dict(
        _delete_=True,
        type='TokenReassembleHead',
        in_channels=384,
        channels=384,
        num_classes=21,
        patch_size=16,
        stride=4,
        upsampling='deconv',
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False),
    )
)
