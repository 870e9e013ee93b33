# A peer of wwt_seg_scenes.py without a decoder: EoMT, trained alike. Of 41 million
# products, WWT-SEG having 39; starts from the same ViT of 4 blocks as
# configs/mmdet/yolos_scenes.py.
_base_ = './eomt_wwt_scenes.py'  # for the head
custom_imports = dict(
    imports=['wwt_mm.segmentation', 'wwt_mm.query_vit'], allow_failed_imports=False
)

model = dict(
    type='EncoderDecoder',
    backbone=dict(
        _delete_=True,
        type='QueryViT',
        arch=dict(embed_dims=96, num_layers=4, num_heads=3, feedforward_channels=384),
        img_size=64,
        patch_size=8,
        num_queries=16,
        queries_from=2,
    ),
)
