"""One line in a config shows slots during validation, in every backend."""

import cv2
import pytest
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from reproduction.scenes import SceneConfig, write_classification
from wwt_mm.engine import load_config
from wwt_mm.engine.cli import complete_dataloaders
from wwt_mm.errors import ConfigError
from wwt_mm.inference import SlotSheetHook

from .conftest import CLASSIFIER

HOOK = dict(type='wwt_mm.inference.SlotSheetHook', num_images=3)


@pytest.fixture(scope='module')
def validate(tmp_path_factory):
    """Validates the classifier of the scenes, with some backends and hooks."""
    root = tmp_path_factory.mktemp('scenes')
    scenes = SceneConfig(height=64, width=64, max_objects=1, single_class=True)
    write_classification(root, scenes, train=10, val=10, workers=1)

    def run(work_dir, backends, hook=HOOK, times=1, **options):
        cfg = load_config(CLASSIFIER, {'data_root': root / 'classification'})
        cfg.merge_from_dict(options)
        cfg.custom_hooks = [hook]
        cfg.visualizer.vis_backends = [dict(type=name) for name in backends]
        cfg.visualizer.name = str(work_dir)  # visualizers are singletons by name
        cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = None
        cfg.param_scheduler = None
        cfg.val_dataloader.num_workers = 0
        cfg.val_dataloader.batch_size = 2
        cfg.work_dir = str(work_dir)
        cfg.experiment_name = work_dir.name
        complete_dataloaders(cfg)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            runner = Runner.from_cfg(cfg)
            for _ in range(times):
                runner.val()

    return run


def test_local_files_and_tensorboard_get_a_picture_of_each_image(validate, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    validate(tmp_path, ['LocalVisBackend', 'TensorboardVisBackend'])
    pictures = sorted(tmp_path.glob('*/vis_data/vis_image/*.png'))
    assert [path.name for path in pictures] == [f'slots_{n}_0.png' for n in range(3)]
    picture = cv2.imread(str(pictures[0]))
    assert picture.shape[0] > 400 and picture.std() > 20
    (events,) = {path.parent for path in tmp_path.rglob('events.out.tfevents*')}
    accumulator = EventAccumulator(str(events))
    accumulator.Reload()
    assert accumulator.Tags()['images'] == [f'slots_{n}' for n in range(3)]


def test_pictures_come_at_each_validation_also_without_masks_for_the_head(
    validate, tmp_path, monkeypatch
):
    shown = []
    monkeypatch.setattr(
        'mmengine.visualization.Visualizer.add_image',
        lambda self, name, image, step=0: shown.append(name),
    )
    options = {
        'model.backbone.out_type': 'avg_slots',
        'model.head.type': 'LinearClsHead',
        'model.autoencoding_head': None,
    }
    validate(tmp_path, ['LocalVisBackend'], HOOK, 2, **options)
    assert shown == ['slots_0', 'slots_1', 'slots_2'] * 2


def test_impossible_numbers_are_refused():
    with pytest.raises(ConfigError, match='num_images=0'):
        SlotSheetHook(num_images=0)
