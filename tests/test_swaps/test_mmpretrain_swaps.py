"""mmpretrain's heads train on WWT, and what comes out can be exported."""

from reproduction.scenes import SCENE_CLASSES, SceneConfig, write_classification

from .small_swaps import (
    assert_exports,
    assert_trains_evaluates_and_saves,
    load_swap,
    write_inshop,
)

ITERATIONS = 4


def test_a_linear_head_trains_on_wwt(tmp_path):
    scenes = SceneConfig(height=64, width=64, max_objects=1, single_class=True)
    write_classification(tmp_path, scenes, train=10, val=10, workers=1)
    cfg = load_swap('mmpretrain/swaps/linear.py', tmp_path, ITERATIONS)
    for split in ('train', 'val'):
        cfg[f'{split}_dataloader'].dataset.update(
            type='CustomDataset',
            data_root='',
            data_prefix=str(tmp_path / 'classification' / split),
            indices=4,
        )
        cfg[f'{split}_dataloader'].dataset.pop('split')
    assert_exports(assert_trains_evaluates_and_saves(cfg, ITERATIONS), cfg)


def test_arcface_trains_on_wwt(scenes_root, tmp_path):
    root = tmp_path / 'inshop'
    write_inshop(scenes_root / 'VOC2007', root)
    # A margin between two items takes longer to see than other losses.
    iterations, items = 16, {'model.head.num_classes': 2}
    cfg = load_swap('mmpretrain/swaps/arcface.py', tmp_path, iterations, **items)
    cfg.optim_wrapper.optimizer.lr = 1e-3
    cfg.model.prototype = dict(cfg.val_dataloader)
    cfg.model.prototype.dataset = dict(cfg.val_dataloader.dataset, split='gallery')
    for dataset in (
        cfg.train_dataloader.dataset,
        cfg.val_dataloader.dataset,
        cfg.model.prototype.dataset,
    ):
        dataset['data_root'] = str(root)
    assert_exports(assert_trains_evaluates_and_saves(cfg, iterations), cfg)


def test_a_multi_label_head_trains_on_wwt(scenes_root, tmp_path):
    cfg = load_swap('mmpretrain/swaps/csra.py', tmp_path, ITERATIONS)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.update(
            data_root=str(scenes_root / 'VOC2007'),
            metainfo=dict(classes=SCENE_CLASSES),
            indices=4,
        )
    assert_exports(assert_trains_evaluates_and_saves(cfg, ITERATIONS), cfg)
