"""Compares options of datasets, heads and metrics that tell the same thing."""

from typing import Any

import numpy as np
from torch import nn

from ..errors import ConfigError, DatasetError
from .class_names import iterate_leaves


def check_options(
    scope: str | None, model: nn.Module, stages: dict[str, Any], metrics: list[Any]
) -> None:
    """Refuses options of which one contradicts another.

    Args:
        scope: The config's ``default_scope``.
        model: The model, without wrappers.
        stages: Name of each stage to its dataset.
        metrics: Those of validation or testing.

    Raises:
        ConfigError: If labels are ignored here and counted there, the zero label is
            left out here only, or more classes are asked for than there are.
        DatasetError: If an image has a label that is no class.
    """
    sources: list[tuple[str, Any]] = []
    if scope == 'mmseg' and hasattr(model, 'decode_head'):
        sources += [(f'the {name} dataset', each) for name, each in stages.items()]
        _compare('reduce_zero_label', sources)
        heads = ('decode_head', 'auxiliary_head')
        sources += [(name, getattr(model, name, None)) for name in heads]
        sources += [(type(metric).__name__, metric) for metric in metrics]
        _compare('ignore_index', sources)
    if scope == 'mmpretrain':
        known = getattr(getattr(model, 'head', None), 'num_classes', None)
        mixer = model.data_preprocessor
        mixes = getattr(mixer, 'batch_augments', None) or getattr(mixer, 'to_onehot', 0)
        if known and mixes and (mixer.num_classes or known) != known:
            raise ConfigError(
                f'model.data_preprocessor.num_classes={mixer.num_classes} differs from '
                f'model.head.num_classes={known}: labels are mixed by the former'
            )
        for name, dataset in stages.items() if known else ():
            _check_labels(name, dataset)
        for metric in metrics:
            wanted = max(getattr(metric, 'topk', None) or (0,))
            if type(metric).__name__ == 'Accuracy' and known and wanted > known:
                raise ConfigError(
                    f'Accuracy with topk={wanted} has only {known} classes: '
                    '--cfg-options val_evaluator.topk=1 test_evaluator.topk=1'
                )


def _compare(option: str, sources: list[tuple[str, Any]]) -> None:
    """Compares an option wherever it is; datasets may be wrapped, heads several."""
    told = [
        (place, getattr(part, option))
        for place, whole in sources
        for part in iterate_leaves(_listed(whole))
        if getattr(part, option, None) is not None
    ]
    for place, value in told[1:]:
        if value != told[0][1]:
            raise ConfigError(
                f'{option} is {told[0][1]} of {told[0][0]} and {value} of {place}: '
                'what one ignores the other counts; make them equal'
            )


def _listed(whole: Any) -> Any:
    return list(whole) if isinstance(whole, nn.ModuleList) else whole


def _check_labels(stage: str, dataset: Any) -> None:
    """Labels of lists, which hold numbers; those of folders are right."""
    for leaf in iterate_leaves(dataset):
        count = len(leaf.metainfo.get('classes') or ())
        if not count or not getattr(leaf, 'ann_file', None):
            continue
        for index in range(len(leaf)):
            info = leaf.get_data_info(index)
            labels = np.asarray(info.get('gt_label', ()))
            if labels.size and not (labels.min() >= 0 and labels.max() < count):
                raise DatasetError(
                    f'{info.get("img_path")} of the {stage} dataset has the label '
                    f'{labels} in {leaf.ann_file}, and its {count} classes are '
                    f'0 to {count - 1}: count from 0, or correct classes'
                )
