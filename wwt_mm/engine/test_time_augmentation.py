"""Turns on test-time augmentation, with flipping where the config says nothing."""

from copy import deepcopy

from mmengine.config import Config, ConfigDict

from ..errors import ConfigError
from ..guards.class_names import iterate_leaves

_MODELS = {
    'mmdet': dict(
        type='DetTTAModel',
        tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100),
    ),
    'mmseg': dict(type='mmseg.SegTTAModel'),
    'mmpretrain': dict(type='mmpretrain.AverageClsScoreTTA'),
}
# What merging the predictions needs to know of each view.
_FLIP_KEYS = ('flip', 'flip_direction')


def enable_test_time_augmentation(cfg: Config) -> None:
    """Wraps the model and the test pipeline for test-time augmentation.

    Taken from ``tta_model`` and ``tta_pipeline`` of the config; what is missing is
    made to average over the image and its mirror image.

    Args:
        cfg: The config, which is changed.

    Raises:
        ConfigError: If the config says nothing and belongs to none of the libraries, or
            is of a segmentor whose output cannot be averaged.
    """
    scope = cfg.get('default_scope')
    if 'tta_model' not in cfg and scope not in _MODELS:
        raise ConfigError(
            f'--tta needs tta_model and tta_pipeline in {cfg.filename}, whose '
            f'default_scope is {scope!r}'
        )
    if scope == 'mmseg' and 'tta_model' not in cfg and 'decode_head' not in cfg.model:
        raise ConfigError(f'--tta averages logits, and {cfg.model.type} has none')
    for dataset in iterate_leaves(cfg.test_dataloader.dataset):
        dataset.pipeline = cfg.get('tta_pipeline') or _add_flipping(dataset.pipeline)
    model = deepcopy(cfg.get('tta_model') or _MODELS[scope])
    cfg.model = ConfigDict(**model, module=cfg.model)


def _add_flipping(pipeline: list[dict]) -> list[dict]:
    """Makes the last step, which packs the inputs, pack both views of an image."""
    *steps, pack = deepcopy(pipeline)
    if 'meta_keys' in pack:
        pack['meta_keys'] = tuple(dict.fromkeys((*pack['meta_keys'], *_FLIP_KEYS)))
    # The view that is not flipped comes first: mmdet keeps its ground truth.
    flips = [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)]
    return [*steps, dict(type='TestTimeAug', transforms=[flips, [pack]])]
