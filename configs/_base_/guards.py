# What keeps a run: named in full, so that configs of the libraries can use it, too.
custom_hooks = [
    # A resumed run ends as an uninterrupted one would.
    dict(type='wwt_mm.guards.RandomStateHook'),
    # A broken training image is left out, a loss that is not finite ends the run.
    dict(type='wwt_mm.guards.BadImageHook'),
    dict(type='wwt_mm.guards.InvalidLossHook'),
]
