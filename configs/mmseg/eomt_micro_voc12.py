# A peer of wwt_seg_micro_voc12.py without a decoder: EoMT on the ViT of
# configs/mmpretrain/vit_micro_tinyimagenet.py, trained alike. Attention among 576
# patches makes it 0.80 billion products, WWT-SEG having 0.49.
_base_ = './wwt_seg_micro_voc12.py'
custom_imports = dict(
    imports=['wwt_mm.segmentation', 'wwt_mm.query_vit'], allow_failed_imports=False
)

model = dict(
    type='EncoderDecoder',
    backbone=dict(
        _delete_=True,
        type='QueryViT',
        arch=dict(embed_dims=96, num_layers=6, num_heads=3, feedforward_channels=384),
        img_size=96,
        patch_size=4,
        num_queries=16,
        queries_from=4,
    ),
    decode_head=dict(
        _delete_=True,
        type='EoMTHead',
        in_channels=96,
        num_classes=7,
        num_queries=16,
        patch_size=4,
        stride=2,
        num_points=2304,  # of 9,216 pixels
    ),
)
