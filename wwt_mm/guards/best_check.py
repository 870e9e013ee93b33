"""Refuses to keep the best checkpoint by a metric that is not measured.

mmengine finds that out after the first validation, hours later, by a KeyError.
"""

from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from ..errors import ConfigError
from .class_names import list_near

_OF_IOU = {
    'mIoU': ('mIoU', 'mAcc'),
    'mDice': ('mDice', 'mAcc'),
    'mFscore': ('mFscore', 'mPrecision', 'mRecall'),
}


def check_best(runner: Runner) -> None:
    """Compares ``save_best`` with what the evaluator of validation measures.

    Metrics of other libraries are known by their prefix only.

    Raises:
        ConfigError: If it measures something else.
    """
    metrics = runner.val_evaluator.metrics
    if type(runner.val_evaluator) is not Evaluator or not metrics:
        return  # such as one that puts names of datasets before those of metrics
    for hook in runner.hooks:
        wanted = getattr(hook, 'save_best', None) or ()
        for name in wanted if isinstance(hook, CheckpointHook) else ():
            if name == 'auto' or any(_measures(metric, name) for metric in metrics):
                continue
            known = [f'{_prefix(m)}{each}' for m in metrics for each in _list_names(m)]
            kinds = ', '.join(type(metric).__name__ for metric in metrics)
            shown = ', '.join(known) or ', '.join(f'{_prefix(m)}...' for m in metrics)
            raise ConfigError(
                f'save_best={list_near([name], known)} of '
                f'{type(hook).__name__} is not measured: {kinds} of val_evaluator '
                f'measures {shown}'
            )


def _prefix(metric: Any) -> str:
    return f'{metric.prefix}/' if metric.prefix else ''


def _measures(metric: Any, name: str) -> bool:
    if not name.startswith(_prefix(metric)):
        return False
    names = _list_names(metric)
    return not names or name.removeprefix(_prefix(metric)) in names


def _list_names(metric: Any) -> list[str]:
    """What a metric measures; nothing where that is not known."""
    kind = type(metric).__name__
    if kind == 'VOCMetric' and metric.metric == 'mAP':
        return ['mAP', *(f'AP{int(each * 100):02d}' for each in metric.iou_thrs)]
    if kind == 'IoUMetric':
        parts = (_OF_IOU.get(each, ()) for each in metric.metrics)
        return ['aAcc', *(name for part in parts for name in part)]
    if kind == 'Accuracy' and len(metric.thrs) == 1:
        return [f'top{each}' for each in metric.topk]
    if kind == 'CocoMetric' and not metric.classwise and not metric.metric_items:
        if {'bbox', 'segm'}.issuperset(metric.metrics):
            ends = ('', '_50', '_75', '_s', '_m', '_l')
            return [f'{each}_mAP{end}' for each in metric.metrics for end in ends]
    return []
