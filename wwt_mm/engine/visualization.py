"""Turns on the drawing of predictions, which each library arranges differently."""

import os

from mmengine.config import Config

from ..errors import ConfigError

_HOOKS = {
    'mmdet': 'mmdet.DetVisualizationHook',
    'mmseg': 'mmseg.SegVisualizationHook',
    'mmpretrain': 'mmpretrain.VisualizationHook',
}
_VISUALIZERS = {
    'mmdet': 'mmdet.DetLocalVisualizer',
    'mmseg': 'mmseg.SegLocalVisualizer',
    'mmpretrain': 'mmpretrain.UniversalVisualizer',
}


def enable_visualization(
    cfg: Config, show: bool, show_dir: str | None, wait_time: float
) -> None:
    """Makes the library's visualization hook draw every tested image.

    Args:
        cfg: The config, which is changed.
        show: Whether to show the pictures in windows.
        show_dir: Folder to write them to.
        wait_time: How long to show each, in seconds.

    Raises:
        ConfigError: If the config belongs to none of the three libraries.
    """
    scope = cfg.get('default_scope')
    if scope not in _HOOKS:
        raise ConfigError(
            f'--show and --show-dir know how to draw for {", ".join(_HOOKS)}; '
            f'{cfg.filename} has default_scope={scope!r}'
        )
    cfg.setdefault('default_hooks', {})
    cfg.default_hooks.setdefault('visualization', dict(type=_HOOKS[scope]))
    hook = cfg.default_hooks.visualization
    cfg.setdefault(
        'visualizer',
        dict(type=_VISUALIZERS[scope], vis_backends=[dict(type='LocalVisBackend')]),
    )
    # mmdet would put a relative path below the folder of the run's logs.
    folder = os.path.abspath(show_dir) if show_dir else None
    if scope == 'mmpretrain':
        hook.update(enable=True, interval=1, out_dir=folder)
    else:
        hook.update(draw=True)
    if scope == 'mmdet':
        hook.update(test_out_dir=folder)
    if scope == 'mmseg' and folder:
        cfg.visualizer.save_dir = folder
    if show:
        hook.update(show=True, wait_time=wait_time)
