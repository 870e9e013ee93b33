# WWT-Tiny with an average of its weights beside it, which is what is evaluated. DeiT's
# code keeps one, but its results are those of the weights themselves.
_base_ = './wwt_tiny_in1k.py'

custom_hooks = [
    *_base_.custom_hooks,
    dict(type='EMAHook', momentum=1 - 0.99996, priority='ABOVE_NORMAL'),  # DeiT, code
]
