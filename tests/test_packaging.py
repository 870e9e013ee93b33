"""A wheel holds all that a user needs, and runs from any folder."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from runpy import run_path

import cv2
import numpy as np
import pytest
import yaml
from mmengine.config import Config

from wwt_mm.engine import load_config
from wwt_mm.errors import ConfigError

ROOT = Path(__file__).parents[1]
#: Tools of the reproduction, which is no part of the package.
OF_THE_CLONE = ('reproduce.py', 'demo.py', 'seeds.py', 'make_scenes.py')
OF_THE_CLONE += ('benchmark.py', 'benchmark_loading.py', 'check_gpu.py')
OF_THE_CLONE += ('explain.py', 'get_flops.py')
OF_THE_CLONE += ('gpu_stages.py', 'compile_kernels.py', 'translation_invariance.py')
SOURCES = ('configs', 'tools', 'wwt_mm', 'setup.py', 'pyproject.toml', 'README.md')
SOURCES += ('LICENSE', 'model-index.yml')

USE = """
import sys
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import MODELS, DefaultScope
import wwt_mm
assert 'wwt_mm.inference' not in sys.modules  # nor all that it imports
assert wwt_mm.SlotInferencer.__name__ == 'SlotInferencer'
from wwt_mm.engine import load_config

cfg = get_config('wwt_mm::mmdet/wwt_det_voc07.py')
assert cfg.model.backbone.type == 'WhatWhereTransformer'
cfg = load_config('mine.py')
with DefaultScope.overwrite_default_scope('mmpretrain'):
    model = MODELS.build(cfg.model)
torch.save(dict(state_dict=model.state_dict()), 'weights.pth')

from wwt_mm.engine.cli import run_tool
from wwt_mm.inference.run import main
run_tool(lambda: main(['image.png', '--config', 'mine.py', '--device', 'cpu',
                       '--checkpoint', 'weights.pth', '--out', 'out', '--html']))
run_tool(lambda: main(['image.png', '--device', 'cpu']))  # with the model that ships
print(wwt_mm.__file__)
"""


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """What a source distribution holds, besides tests."""
    source = tmp_path_factory.mktemp('source')
    ignored = shutil.ignore_patterns('__pycache__', '.mim')
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source)
    return source


@pytest.fixture(scope='module')
def site(source, tmp_path_factory):
    """A folder that the wheel is installed into."""
    subprocess.run(
        [sys.executable, 'setup.py', '-q', 'bdist_wheel', '--dist-dir', 'wheels'],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (wheel,) = (source / 'wheels').glob('*.whl')
    folder = tmp_path_factory.mktemp('site')
    zipfile.ZipFile(wheel).extractall(folder)  # all that installing a wheel does
    return folder


def test_the_wheel_holds_configs_tools_and_data(site):
    mim = site / 'wwt_mm' / '.mim'
    for folder in ('configs', 'tools'):
        tracked = {
            path.relative_to(ROOT)
            for path in (ROOT / folder).rglob('*')
            if path.is_file()
            and '__pycache__' not in path.parts
            and path.name not in OF_THE_CLONE
        }
        packed = {p.relative_to(mim) for p in (mim / folder).rglob('*') if p.is_file()}
        assert packed == tracked
    assert (site / 'wwt_mm' / 'visualization' / 'slot_gallery.html.jinja').is_file()
    assert (site / 'wwt_mm' / 'datasets' / 'imagenet_s_classes.txt').is_file()
    assert (site / 'wwt_mm' / 'py.typed').is_file()
    weights = site / 'wwt_mm' / 'weights' / 'wwt_micro_tinyimagenet'
    names = {path.name for path in weights.iterdir()}
    assert names == {'README.md', 'config.json', 'model.safetensors'}
    assert not {'tests', 'reproduction'} & {path.name for path in site.iterdir()}


def test_an_editable_installation_links_configs_and_tools(source):
    build = 'from setuptools import build_meta; build_meta.build_editable("wheels")'
    command = [sys.executable, '-W', 'ignore', '-c', build]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    mim = source / 'wwt_mm' / '.mim'
    for name in ('configs', 'tools', 'model-index.yml'):
        assert (mim / name).is_symlink() and (mim / name).exists()


def test_the_wheel_runs_its_configs_from_another_folder(site, tmp_path):
    (tmp_path / 'mine.py').write_text(
        "_base_ = 'wwt_mm::mmpretrain/wwt_scenes.py'\n"
        'model = dict(backbone=dict(num_slots=8))\n'
    )
    cv2.imwrite(str(tmp_path / 'image.png'), np.full((64, 64, 3), 90, np.uint8))
    environment = {**os.environ, 'PYTHONPATH': str(site), 'OMP_NUM_THREADS': '1'}
    finished = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', USE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert finished.stdout.splitlines()[-1].startswith(str(site))
    page = (tmp_path / 'out' / 'gallery.html').read_text()
    assert '<h1>Slots of mine</h1>' in page and 'data-slot="7"' in page


def models():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    for path in index['Import']:
        content = yaml.safe_load((ROOT / path).read_text())
        known = {collection['Name'] for collection in content['Collections']}
        for model in content['Models']:
            assert model['In Collection'] in known
            yield model


def test_the_model_index_lists_configs_once_and_weights_that_are_there():
    listed = [model['Config'] for model in models()]
    assert len({*listed}) == len(listed) > 20
    for model in models():
        assert (ROOT / model['Config']).is_file()
        assert model['Name'] == Path(model['Config']).stem
        for result in model.get('Results', ()):  # what was measured here
            assert result['Dataset'] in (
                'generated scenes',
                'Tiny-ImageNet, 100 classes',
            )
    (shipped,) = (model for model in models() if 'Weights' in model)
    assert (ROOT / shipped['Weights']).is_file()
    card = (ROOT / shipped['Weights']).with_name('README.md').read_text()
    for result in shipped['Results']:
        for number in result['Metrics'].values():
            assert f' {number} ' in card


def test_sizes_in_the_model_index_are_those_of_the_models():
    from reproduction.benchmark.complexity import measure_complexity

    measured = 0
    for model in models():
        metadata = model.get('Metadata') or {}
        if 'Parameters' in metadata and 'in1k' not in model['Name']:
            cfg = Config.fromfile(ROOT / model['Config'])
            total = measure_complexity(cfg).total
            assert total.params == metadata['Parameters'], model['Name']
            measured += 1
    assert measured


def test_configs_of_absent_libraries_are_told_in_one_line():
    with pytest.raises(ConfigError, match='nolibrary, which is not installed'):
        load_config('nolibrary::a/b.py')
    with pytest.raises(ConfigError, match='no config mmpretrain::nothing/here.py'):
        load_config('mmpretrain::nothing/here.py')


def test_the_version_is_the_same_everywhere():
    version = run_path(str(ROOT / 'wwt_mm' / 'version.py'))['__version__']
    assert f'version: {version}\n' in (ROOT / 'CITATION.cff').read_text()
    assert f'\n## {version}\n' in (ROOT / 'CHANGELOG.md').read_text()
    for path in ROOT.glob('configs/mm*/metafile.yml'):
        assert f'Version: {version}\n' in path.read_text(), path


def test_the_page_beside_the_configs_names_each_of_them():
    for page in ROOT.glob('configs/mm*/README.md'):
        named = set(re.findall(r'\]\(([\w/]+\.py)\)', page.read_text()))
        there = {
            str(path.relative_to(page.parent)) for path in page.parent.rglob('*.py')
        }
        assert named == there
