"""The configs for generated scenes, made small enough to fail within a second.

Also what no checkpoint should hold.
"""

from tool_process import REPOSITORY

CONFIGS = REPOSITORY / 'configs'
DETECTION = CONFIGS / 'mmdet' / 'wwt_det_scenes.py'
SEGMENTATION = CONFIGS / 'mmseg' / 'wwt_seg_scenes.py'
CLASSIFICATION = CONFIGS / 'mmpretrain' / 'wwt_scenes.py'
_STAGES = ('train', 'val', 'test')


def options(root, batch_size=4, epochs=1, workers=0, **more):
    """Returns --cfg-options for a data root; in ``more``, ``__`` stands for a dot."""
    values = {
        'data_root': root,
        'train_cfg.max_epochs': epochs,
        'train_cfg.val_interval': epochs,
        'default_hooks.logger.interval': 1,
        'default_hooks.checkpoint.interval': 1,
    }
    for stage in _STAGES:
        values[f'{stage}_dataloader.num_workers'] = workers
        values[f'{stage}_dataloader.batch_size'] = batch_size
    values |= {key.replace('__', '.'): value for key, value in more.items()}
    return ['--cfg-options', *(f'{key}={value}' for key, value in values.items())]


def arch(**changes):
    """The options for a one-block backbone, with ``changes`` of its ``arch``."""
    whole = dict(_delete_=True, embed_dims=96, num_layers=1, num_heads=3) | changes
    return {f'model.backbone.arch.{key}': value for key, value in whole.items()}


class Program:
    """Runs when it is unpickled, unless only data is read."""

    def __reduce__(self):
        return exec, ('raise SystemExit("code of a checkpoint has run")',)
