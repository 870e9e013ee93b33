"""Discovery configs, as a user runs them."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from mmdet.registry import DATASETS, METRICS, MODELS
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS as CLASSIFIERS

from wwt_mm.engine import load_config

from ..tool_process import REPOSITORY

CONFIGS = sorted(REPOSITORY.glob('configs/mmdet/discovery/discovery_*.py'))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_every_config_builds(path):
    cfg = load_config(path)
    if 'arch' in cfg.model.backbone and isinstance(cfg.model.backbone.arch, str):
        small = 'tiny' if 'wwt' in path.stem else 'deit-tiny'
        cfg.merge_from_dict({'model.backbone.arch': small})
    model = MODELS.build(cfg.model)
    assert type(model.method).__name__ == cfg.model.method.type
    for metric in cfg.test_evaluator:
        METRICS.build(metric)
    assert cfg.test_dataloader.dataset.type in DATASETS


@pytest.fixture(scope='module')
def classifier(tmp_path_factory):
    """Makes an untrained checkpoint of a config of configs/mmpretrain/."""

    def save(name):
        torch.manual_seed(0)
        cfg = load_config(REPOSITORY / 'configs' / 'mmpretrain' / f'{name}.py')
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            model = CLASSIFIERS.build(cfg.model)
        path = tmp_path_factory.mktemp('weights') / f'{name}.pth'
        torch.save(dict(state_dict=model.state_dict(), meta={}), path)
        return path

    return save


def test_wwt(run_tool, classifier, scenes_root, tmp_path):
    results = tmp_path / 'boxes.pkl'
    work_dir = tmp_path / 'wwt'
    run_tool(
        'test',
        REPOSITORY / 'configs' / 'mmdet' / 'discovery' / 'discovery_wwt_scenes.py',
        classifier('wwt_scenes'),
        '--work-dir',
        work_dir,
        '--out',
        results,
        '--cfg-options',
        f'data_root={scenes_root}',
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
    ).check()
    metrics = read_metrics(work_dir)
    assert metrics['discovery/num_images'] == 6
    assert 0 <= metrics['discovery/corloc'] <= metrics['discovery/corloc_any'] <= 100
    images = pickle.loads(results.read_bytes())
    assert {image['img_id'] for image in images} == images_of(scenes_root)
    assert all(image['pred_instances']['bboxes'].max() <= 64 for image in images)
    (picture,) = work_dir.glob('*/discovery.png')
    assert picture.stat().st_size > 10_000


def test_vit_with_another_method(run_tool, classifier, scenes_root, tmp_path):
    run_tool(
        'test',
        REPOSITORY / 'configs' / 'mmdet' / 'discovery' / 'discovery_vit_scenes.py',
        classifier('vit_scenes'),
        '--work-dir',
        tmp_path,
        '--cfg-options',
        f'data_root={scenes_root}',
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
        'model.method.type=MOST',
        'model.method.granularity=2',
    ).check()
    metrics = read_metrics(tmp_path)
    assert metrics['discovery/num_objects'] >= 6
    assert metrics['discovery/num_predictions'] >= 0


def read_metrics(work_dir):
    (path,) = Path(work_dir).glob('*/*.json')
    return json.loads(path.read_text())


def images_of(root):
    return set((root / 'VOC2007/ImageSets/Main/test.txt').read_text().split())
