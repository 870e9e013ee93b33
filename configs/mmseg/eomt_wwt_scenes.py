# EoMT's head on wwt_seg_scenes.py: its queries are the slots of WWT, no mask is used.
# Tells the part of the head from that of the backbone in eomt_scenes.py.
_base_ = './wwt_seg_scenes.py'

model = dict(
    decode_head=dict(
        _delete_=True,
        type='EoMTHead',
        in_channels=96,
        num_classes=11,
        num_queries=16,
        patch_size=8,
        stride=4,
        num_points=1024,  # of 4,096 pixels
    ),
)
