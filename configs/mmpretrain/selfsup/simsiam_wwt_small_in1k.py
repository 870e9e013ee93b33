# As mocov3_wwt_small_in1k.py, by SimSiam: its paper's projector and predictor, the
# latter of constant rate, with MoCo v3's optimiser. Nobody has run it.
_base_ = './mocov3_wwt_small_in1k.py'

model = dict(
    _delete_=True,
    type='SlotSimSiam',
    backbone=_base_.model.backbone,
    neck=[
        dict(type='AverageSlots'),
        dict(
            type='NonLinearNeck',
            in_channels=384,
            hid_channels=2048,
            out_channels=2048,
            num_layers=3,
            with_last_bn_affine=False,
            with_avg_pool=False,
        ),
    ],
    head=dict(
        type='LatentPredictHead',
        predictor=dict(
            type='NonLinearNeck',
            in_channels=2048,
            hid_channels=512,
            out_channels=2048,
            with_last_bn=False,
            with_last_bias=True,
            with_avg_pool=False,
        ),
        loss=dict(type='CosineSimilarityLoss'),
    ),
    autoencoding_head=_base_.model.autoencoding_head,
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(predictor=dict(fix_lr=True))))
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='SimSiamHook',
        priority='HIGH',
        fix_pred_lr=True,
        lr=_base_.optim_wrapper.optimizer.lr,
        adjust_by_epoch=False,
    ),
]
