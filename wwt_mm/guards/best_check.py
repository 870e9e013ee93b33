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

    Raises:
        ConfigError: If it measures something else. Nothing is said where there is a
            metric of which that is not known.
    """
    evaluator, measured = runner.val_evaluator, []
    for metric in evaluator.metrics if type(evaluator) is Evaluator else ():
        prefix = f'{metric.prefix}/' if metric.prefix else ''
        names = _list_names(metric)
        if not names:
            return
        measured += [prefix + name for name in names]
    for hook in runner.hooks if measured else ():
        wanted = getattr(hook, 'save_best', None) or ()
        for name in wanted if isinstance(hook, CheckpointHook) else ():
            if name != 'auto' and name not in measured:
                raise ConfigError(
                    f'save_best={list_near([name], measured)} of {type(hook).__name__} '
                    f'is not measured: val_evaluator measures {", ".join(measured)}'
                )


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
