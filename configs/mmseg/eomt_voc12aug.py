# A peer of wwt_seg_voc12aug.py that has no decoder either, and is not in the paper:
# EoMT, DeiT-Small with queries in its last three blocks, as many as WWT-SEG has slots.
# Starts from the checkpoint of configs/mmpretrain/deit_small_in1k.py.
_base_ = './wwt_seg_voc12aug.py'
custom_imports = dict(
    imports=['wwt_mm.segmentation', 'wwt_mm.query_vit'], allow_failed_imports=False
)

model = dict(
    type='EncoderDecoder',
    backbone=dict(
        _delete_=True,
        type='QueryViT',
        arch='deit-small',
        img_size=512,
        patch_size=16,
        num_queries=64,
        queries_from=9,
        drop_path_rate=0.1,
    ),
    decode_head=dict(
        _delete_=True,
        type='EoMTHead',
        in_channels=384,
        num_classes=21,
        num_queries=64,
        patch_size=16,
        stride=4,
    ),
)
