"""Turns on the drawing of predictions, which each library arranges differently."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

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
    if folder:
        hooks = list(cfg.get('custom_hooks') or [])
        kind = f'{__name__}.{DistinctPicturesHook.__name__}'
        cfg.custom_hooks = [*hooks, dict(type=kind, folder=folder)]
    if scope == 'mmseg' and folder:
        cfg.visualizer.save_dir = folder
    if show:
        hook.update(show=True, wait_time=wait_time)


@HOOKS.register_module()
class DistinctPicturesHook(Hook):
    """Draws images of the same name in different folders into different files.

    mmdet and mmpretrain name a picture after its image alone. Here it has the path of
    the image, relative to the folder that all images share.

    Args:
        folder: Where to draw.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def before_test(self, runner: Runner) -> None:
        """Watches what the visualizer is asked to draw."""
        dataset = runner.test_loop.dataloader.dataset
        infos = (dataset.get_data_info(index) for index in range(len(dataset)))
        paths = [info['img_path'] for info in infos if info.get('img_path')]
        if not paths:
            return
        base = os.path.commonpath([os.path.dirname(path) for path in paths])
        for name in ('add_datasample', 'visualize_cls'):
            draw = getattr(runner.visualizer, name, None)
            if draw is not None:
                setattr(runner.visualizer, name, partial(self._draw, draw, base))

    def _draw(self, draw: Callable, base: str, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get('out_file'):  # mmseg numbers its pictures
            path = os.path.relpath(kwargs['data_sample'].img_path, base)
            suffix = Path(kwargs['out_file']).suffix
            path = path if path.endswith(suffix) else path + suffix
            kwargs['out_file'] = os.path.join(self.folder, path)
        return draw(*args, **kwargs)
