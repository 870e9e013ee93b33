# Slot Attention on RGB images of 128 px, as DINOSAUR's authors configure it:
# SAVi's ResNet-34 and broadcast decoder, values between -1 and 1.
_base_ = './ocl_wwt_rgb.py'

model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    backbone=dict(
        _delete_=True,
        type='SAViResNet',
        depth=34,
        norm_cfg=dict(type='GN', num_groups=32),
    ),
    grouping=dict(
        _delete_=True,
        type='SlotAttention',
        in_channels=512,
        # Theirs; model.grouping.num_slots=6 is the number of the other rows.
        num_slots=11,
        channels=256,
        mlp_ratio=2,
        hidden_channels=256,
        positions=True,
    ),
    decoder=dict(_delete_=True, type='BroadcastDecoder', in_channels=256),
    target=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
)
