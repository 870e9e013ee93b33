# As mocov3_wwt_scenes.py, by BYOL.
_base_ = './mocov3_wwt_scenes.py'

model = dict(
    type='SlotBYOL',
    head=dict(
        _delete_=True,
        type='LatentPredictHead',
        predictor=dict(
            type='NonLinearNeck',
            in_channels=128,
            hid_channels=512,
            out_channels=128,
            with_last_bn=False,
            with_last_bias=True,
            with_avg_pool=False,
        ),
        loss=dict(type='CosineSimilarityLoss'),
    ),
)
