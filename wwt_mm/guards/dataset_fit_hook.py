"""Refuses datasets that cannot train a model, or mean other classes than it does."""

from collections.abc import Sized
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from ..errors import DatasetError
from .best_check import check_best
from .class_names import Classes, find_difference, iterate_leaves, read_stage, show
from .label_check import check_label_maps
from .option_check import check_options

# The parts of a model that tell classes.
_HEADS = {
    'mmdet': ('bbox_head', 'roi_head.bbox_head', 'roi_head.mask_head'),
    'mmpretrain': ('head',),
    'mmseg': ('decode_head', 'auxiliary_head'),
}
# Whether a model may know more classes than there are in the data: metrics of detection
# and segmentation name the classes they count.
MAY_KNOW_MORE = ('mmpretrain',)


@HOOKS.register_module()
class DatasetFitHook(Hook):
    """Raises an error, before anything is computed, if a dataset does not fit a model.

    mmengine would end in a division by zero, and a class beyond those of the head in an
    index error, on a GPU a failed assertion of a kernel. Other classes of the same
    number would only make the numbers wrong.
    """

    def before_train(self, runner: Runner) -> None:
        """Looks at the datasets for training and for the validations to come.

        Raises:
            DatasetError: If one does not fit.
            ConfigError: If ``save_best`` names what is not measured.
        """
        loader = runner.train_loop.dataloader
        _check(runner, loader.dataset, 'train')
        stages = {'train': loader.dataset}
        if runner.val_loop is not None:
            stages['val'] = runner.val_loop.dataloader.dataset
            _check(runner, stages['val'], 'val')
            _check_evaluator(runner.val_evaluator, stages['val'])
            check_best(runner)
        _compare_stages(runner, stages)
        _check_options(runner, stages, runner.val_loop)
        for dataset in iterate_leaves(loader.dataset):
            check_label_maps(dataset)

    def before_test(self, runner: Runner) -> None:
        """Looks at the dataset for testing.

        Raises:
            DatasetError: If it does not fit.
        """
        dataset = runner.test_loop.dataloader.dataset
        _check(runner, dataset, 'test')
        _check_evaluator(runner.test_evaluator, dataset)
        _compare_stages(runner, {'test': dataset})
        _check_options(runner, {'test': dataset}, runner.test_loop)


def check_batches(loader: DataLoader) -> None:
    """Refuses training data that make no batch: a run would end at once, as if done.

    Raises:
        DatasetError: If there are fewer images than a batch needs.
    """
    if len(loader.dataset) and not len(loader):
        if not isinstance(loader.sampler, InfiniteSampler):
            raise DatasetError(
                f'{len(loader.dataset)} training images make no batch of '
                f'{loader.batch_size} for each process, and drop_last=True leaves out '
                'what is less: --cfg-options train_dataloader.batch_size=N with a '
                'smaller N'
            )


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside of what distributes or augments it."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def find_heads(runner: Runner) -> list[tuple[str, int]]:
    """Place and number of classes of each head of a model that tells classes."""
    model, found = unwrap(runner.model), []
    for place in _HEADS.get(runner.cfg.get('default_scope'), ()):
        head: Any = model
        for part in place.split('.'):
            head = getattr(head, part, None)
        for each in head if isinstance(head, nn.ModuleList) else [head]:
            known = getattr(each, 'num_classes', None)
            if isinstance(known, int) and not getattr(each, 'class_agnostic', False):
                found.append((place, known))
    return found


def read_names(dataset: Any, stage: str) -> Classes | None:
    """The classes of a dataset that has been built."""
    names = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    return Classes(tuple(names), f'the {stage} dataset') if names else None


def _check(runner: Runner, dataset: Any, stage: str) -> None:
    if isinstance(dataset, Sized) and not len(dataset):
        raise DatasetError(
            f'the {stage} dataset ({type(dataset).__name__}) of {runner.cfg.filename} '
            'holds no image: look at ann_file, data_prefix and filter_cfg'
        )
    classes = read_names(dataset, stage)
    may_know_more = runner.cfg.get('default_scope') in MAY_KNOW_MORE
    for place, known in find_heads(runner) if classes else ():
        count = len(classes.names)
        if known == count or (may_know_more and known > count):
            continue
        raise DatasetError(
            f'the {stage} dataset ({type(dataset).__name__}) of {runner.cfg.filename} '
            f'has {count} classes ({show(classes.names)}) and the model '
            f'model.{place}.num_classes={known}: set the latter, or metainfo.classes '
            'of the dataset'
        )


def _check_options(runner: Runner, stages: dict[str, Any], loop: Any) -> None:
    metrics = getattr(getattr(loop, 'evaluator', None), 'metrics', [])
    scope = runner.cfg.get('default_scope')
    check_options(scope, unwrap(runner.model), stages, metrics)


def _compare_stages(runner: Runner, stages: dict[str, Any]) -> None:
    """Compares classes, and folders of classes, of all stages of a run."""
    if not find_heads(runner):
        return  # nothing tells classes
    told = [read_names(dataset, stage) for stage, dataset in stages.items()]
    if 'test' not in stages:
        told.append(read_stage(runner.cfg, 'test'))
    _compare(told, runner, runner.cfg.get('default_scope') in MAY_KNOW_MORE)
    folders: list[Classes | None] = []
    for stage, dataset in stages.items():
        for leaf in iterate_leaves(dataset):
            names = getattr(leaf, 'folder_to_idx', None)
            if names:
                place = f'the folders of the {stage} dataset'
                folders.append(Classes(tuple(names), place))
                _compare_with_folders(read_names(leaf, stage), folders[-1])
    _compare(folders, runner)


def _compare(
    told: list[Classes | None], runner: Runner, may_know_more: bool = False
) -> None:
    first, *others = [each for each in told if each] or [None]
    for other in others:
        short, long = sorted((first.names, other.names), key=len)
        difference = find_difference(first, other)
        if difference and not (may_know_more and long[: len(short)] == short):
            raise DatasetError(
                f'{difference}: give all datasets of {runner.cfg.filename} the same '
                'classes, in the same order'
            )


def _compare_with_folders(classes: Classes | None, folders: Classes) -> None:
    """Folders are numbered in alphabetical order, whatever their classes are called."""
    names = [name.lower() for name in classes.names] if classes else []
    found = [name.lower() for name in folders.names]
    if names != found and sorted(names) == sorted(found):
        raise DatasetError(
            f'{find_difference(classes, folders)}: folders are numbered in '
            f'alphabetical order, so set classes to {folders.names!r}, or leave it out'
        )


def _check_evaluator(evaluator: Any, dataset: Any) -> None:
    """Makes metrics speak of the classes and the images of the dataset."""
    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    for metric in getattr(evaluator, 'metrics', ()):
        meta = metric.dataset_meta or {}
        usual = getattr(type(dataset), 'METAINFO', {}).get('classes')
        if meta.get('dataset_type') in ('VOC2007', 'VOC2012') and classes != usual:
            # mmdet's VOCMetric would print VOC's own names in its table.
            metric.dataset_meta = dict(meta, dataset_type=None)
        truth = getattr(metric, '_coco_api', None)
        if truth is None or not classes or not hasattr(dataset, 'get_data_info'):
            continue
        place = f'ann_file of {type(metric).__name__}'
        found = truth.get_cat_ids(cat_names=list(classes))
        there = Classes(tuple(truth.cats[each]['name'] for each in found), place)
        difference = find_difference(Classes(tuple(classes), 'the dataset'), there)
        if difference:
            raise DatasetError(f'{difference}: the metric takes the order of its file')
        ids = {dataset.get_data_info(i).get('img_id') for i in range(len(dataset))}
        if ids != set(truth.imgs):
            raise DatasetError(
                f'{place} tells of {len(truth.imgs)} '
                f'images, its dataset of {len(ids)}, {len(ids & set(truth.imgs))} are '
                'in both: what is not predicted would count as missed. Give both the '
                'same ann_file, and the dataset no indices or filter_cfg, or leave '
                "the metric's ann_file out"
            )
