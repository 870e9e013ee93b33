"""The demo's runs: the harness of the reproduction, with one run of each kind."""

from ..run import Run, Stage

PRETRAIN = 'configs/mmpretrain/wwt_scenes.py'
DISCOVER = 'configs/mmdet/discovery/discovery_wwt_scenes.py'
DETECT = 'configs/mmdet/wwt_det_scenes.py'


def demo_stage(detection_epochs: int) -> Stage:
    """Pretrain on class labels, discover from raw masks, finetune, evaluate.

    Args:
        detection_epochs: Epochs of the detector, of 79 iterations.
    """
    # Three epochs less than the config has, for ten minutes have to do.
    shorter = ('train_cfg.max_epochs=5', 'param_scheduler.1.end=5')
    schedule = (
        f'train_cfg.max_epochs={detection_epochs}',
        f'train_cfg.val_interval={detection_epochs}',
        f'param_scheduler.1.end={detection_epochs}',
    )
    labels, boxes = 'scenes/classification', 'scenes'
    return Stage(
        name='demo',
        title='Demo',
        about='',
        data={'scenes': 'data/scenes'},
        prepare=('tools/dataset_converters/make_scenes.py', '{scenes}'),
        runs=(
            Run('pretrain', 'train', PRETRAIN, labels, options=shorter),
            Run('accuracy', 'test', PRETRAIN, labels, 'pretrain'),
            Run('discover', 'test', DISCOVER, boxes, 'pretrain'),
            Run('detect', 'train', DETECT, boxes, 'pretrain', schedule),
            Run('evaluate', 'test', DETECT, boxes, 'detect'),
        ),
        claims=(),
    )
