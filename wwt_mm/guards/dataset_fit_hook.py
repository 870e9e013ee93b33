"""Refuses datasets that hold nothing, or other classes than the model tells apart."""

from collections.abc import Sized
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from ..errors import DatasetError

# The part of a model that tells classes, and whether it may know more than there are in
# the data: metrics of detection and segmentation name the classes they count.
_HEADS = {
    'mmdet': ('bbox_head', False),
    'mmpretrain': ('head', True),
    'mmseg': ('decode_head', False),
}


@HOOKS.register_module()
class DatasetFitHook(Hook):
    """Raises an error, before anything is computed, if a dataset does not fit a model.

    mmengine would end in a division by zero, and a class beyond those of the head in an
    index error, on a GPU a failed assertion of a kernel.
    """

    def before_train(self, runner: Runner) -> None:
        """Looks at the datasets for training and for the validations to come.

        Raises:
            DatasetError: If one does not fit.
        """
        _check(runner, runner.train_loop.dataloader, 'train')
        if runner.val_loop is not None:
            _check(runner, runner.val_loop.dataloader, 'val')

    def before_test(self, runner: Runner) -> None:
        """Looks at the dataset for testing.

        Raises:
            DatasetError: If it does not fit.
        """
        _check(runner, runner.test_loop.dataloader, 'test')


def _check(runner: Runner, dataloader: Any, stage: str) -> None:
    dataset = dataloader.dataset
    if isinstance(dataset, Sized) and not len(dataset):
        raise DatasetError(
            f'the {stage} dataset ({type(dataset).__name__}) of {runner.cfg.filename} '
            'holds no image: look at ann_file, data_prefix and filter_cfg'
        )
    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    place, may_know_more = _HEADS.get(runner.cfg.get('default_scope'), (None, False))
    known = getattr(_find_head(runner.model, place), 'num_classes', None)
    if not classes or not isinstance(known, int) or known == len(classes):
        return
    if may_know_more and known > len(classes):
        return
    raise DatasetError(
        f'the {stage} dataset ({type(dataset).__name__}) of {runner.cfg.filename} has '
        f'{len(classes)} classes ({_show(classes)}) and the model '
        f'model.{place}.num_classes={known}: set the latter, or metainfo.classes of '
        'the dataset'
    )


def _find_head(model: nn.Module, place: str | None) -> nn.Module | None:
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return None if place is None else getattr(model, place, None)


def _show(classes: tuple[str, ...]) -> str:
    shown = ', '.join(map(str, classes[:5]))
    return f'{shown}, ...' if len(classes) > 5 else shown
