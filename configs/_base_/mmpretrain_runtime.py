# What mmpretrain adds to the common runtime.
_base_ = './default_runtime.py'

default_scope = 'mmpretrain'
custom_imports = dict(imports=['wwt_mm.classification'], allow_failed_imports=False)

default_hooks = dict(visualization=dict(type='VisualizationHook', enable=False))
visualizer = dict(
    type='UniversalVisualizer', vis_backends=[dict(type='LocalVisBackend')]
)
