# Slot Attention on RGB images of 128 px, as DINOSAUR's authors configure it:
# SAVi's ResNet-34 without downsampling before its stages, broadcast decoder.
_base_ = './ocl_wwt_rgb.py'

norm_cfg = dict(type='GN', num_groups=32)
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ResNet_CIFAR',
        depth=34,
        norm_cfg=norm_cfg,
    ),
    grouping=dict(
        _delete_=True,
        type='SlotAttention',
        in_channels=512,
        # Theirs; model.grouping.num_slots=6 is the number of the other rows.
        num_slots=11,
        channels=256,
        mlp_ratio=2,
        grid=(16, 16),
    ),
    decoder=dict(_delete_=True, type='BroadcastDecoder', in_channels=256),
    # Between -1 and 1
    target=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
)
