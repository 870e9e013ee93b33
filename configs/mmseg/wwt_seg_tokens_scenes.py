# The counterpart of wwt_seg_scenes.py, as in Table 6: the same head on patch tokens.
_base_ = './wwt_seg_scenes.py'

model = dict(
    decode_head=dict(
        _delete_=True,
        type='TokenReassembleHead',
        in_channels=96,
        channels=96,
        num_classes=11,
        patch_size=8,
        stride=4,
        upsampling='deconv',
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False),
    )
)
