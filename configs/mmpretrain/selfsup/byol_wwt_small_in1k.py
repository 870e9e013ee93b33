# As mocov3_wwt_small_in1k.py, by BYOL: its paper's projector, predictor and momentum,
# with MoCo v3's optimiser, for BYOL's LARS is for convolutions. Nobody has run it.
_base_ = './mocov3_wwt_small_in1k.py'

mlp = dict(
    type='NonLinearNeck',
    hid_channels=4096,
    out_channels=256,
    with_bias=True,
    with_last_bn=False,
    with_avg_pool=False,
)
model = dict(
    type='SlotBYOL',
    base_momentum=0.004,
    neck=[dict(type='AverageSlots'), dict(mlp, in_channels=384)],
    head=dict(
        _delete_=True,
        type='LatentPredictHead',
        predictor=dict(mlp, in_channels=256),
        loss=dict(type='CosineSimilarityLoss'),
    ),
)
