# As byol_wwt_scenes.py, by SimSiam: no averaged network, a predictor of constant rate.
_base_ = './byol_wwt_scenes.py'

model = dict(type='SlotSimSiam')
lr = 1e-3
optim_wrapper = dict(
    optimizer=dict(lr=lr),
    paramwise_cfg=dict(custom_keys=dict(predictor=dict(fix_lr=True))),
)
custom_hooks = [
    *_base_.custom_hooks,
    # HIGH: before the rate is used, after the schedule has set it.
    dict(
        type='SimSiamHook',
        priority='HIGH',
        fix_pred_lr=True,
        lr=lr,
        adjust_by_epoch=False,
    ),
]
