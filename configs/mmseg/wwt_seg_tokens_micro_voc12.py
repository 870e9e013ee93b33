# The counterpart of wwt_seg_micro_voc12.py: the same head on patch tokens.
_base_ = './wwt_seg_micro_voc12.py'

model = dict(
    decode_head=dict(
        _delete_=True,
        type='TokenReassembleHead',
        in_channels=128,
        channels=128,
        num_classes=7,
        patch_size=4,
        stride=2,
        upsampling='deconv',
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False),
    )
)
