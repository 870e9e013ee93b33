"""Claims on photographs, from data in the official layouts to the page."""

import json
import shutil

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from tool_process import REPOSITORY

from reproduction.main import main
from reproduction.scenes import SceneConfig, write_voc
from tests.test_datasets.small_tiny_imagenet import write_tiny_imagenet
from wwt_mm.engine import load_config

from . import quick_tools

ANIMALS = ('cat', 'cow', 'dog', 'horse', 'person', 'sheep', 'bird', 'car')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """100 classes of Tiny-ImageNet, and scenes that pass for animals of VOC 2012."""
    root = tmp_path_factory.mktemp('photos')
    words = {f'n{number:03d}': f'class {number}' for number in range(100)}
    write_tiny_imagenet(root / 'tiny', tuple(words), train=2, val=1, words=words)
    config = SceneConfig(height=64, width=64, max_objects=2)
    write_voc(root / 'voc', config, train=32, val=16, test=1, workers=1)
    folder = (root / 'voc' / 'VOC2007').rename(root / 'voc' / 'VOC2012')
    lists = folder / 'ImageSets' / 'Segmentation'
    shutil.copy(lists / 'val.txt', lists / 'val_instances.txt')
    for path in (folder / 'Annotations').iterdir():
        text = path.read_text()
        for number, name in enumerate(SHAPES):
            text = text.replace(f'<name>{name}<', f'<name>{ANIMALS[number % 8]}<')
        path.write_text(text)
    return root


SHAPES = (
    'arrow circle crescent cross heart hexagon ring square star triangle'.split()
)  # of the generated scenes


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Untrained models in place of the three pretrainings."""
    folder = tmp_path_factory.mktemp('weights')
    names = dict(wwt='wwt_micro', vit='vit_micro', mae='vit_micro')
    for name, config in names.items():
        path = REPOSITORY / 'configs/mmpretrain' / f'{config}_tinyimagenet.py'
        torch.manual_seed(0)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            model = MODELS.build(load_config(path).model)
        torch.save(dict(state_dict=model.state_dict()), folder / f'{name}_0.pth')
    return folder


def test_photographs_are_measured_from_checkpoints_to_the_page(
    data, checkpoints, tmp_path, run_tool, monkeypatch
):
    quick_tools.use(run_tool, monkeypatch)
    given = ['photos', '--quick', '--claims', '4', '10', '--jobs', '1']
    given += [
        '--data',
        f'tiny-imagenet={data / "tiny"}',
        '--data',
        f'voc={data / "voc"}',
    ]
    for name in ('wwt', 'vit', 'mae'):
        given += ['--checkpoint', f'{name}={checkpoints}/{name}_{{seed}}.pth']
    main([*given, '--out', str(tmp_path)])

    def result(run):
        return json.loads((tmp_path / f'seed0/{run}/result.json').read_text())

    boxes = 'discovery/num_predictions'
    for name, random in (('wwt', 'random'), ('several', 'several_random')):
        rule, found = result(f'found_{name}_rule'), result(f'found_{name}')
        for option in ('normalise', 'threshold', 'max_area'):
            chosen = rule['metrics'][f'rule/{option}']
            assert f'model.method.{option}={chosen}' in found['options']
        assert result(f'found_{random}')['metrics'][boxes] == found['metrics'][boxes]
    assert found['metrics'][boxes] <= 16
    page = (tmp_path / 'reproduction.md').read_text()
    recall = found['metrics']['discovery/recall']
    assert f'| WWT, threshold | {found["metrics"][boxes]:.1f} | {recall:.1f} |' in page
    assert f'| {result("seg_tested")["metrics"]["IoU.background"]:.1f} |' in page
    assert result('det')['metrics']['loss'] > 0
