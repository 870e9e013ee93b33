"""Timing a data pipeline: what is counted, and the real tool."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reproduction.benchmark.loading import time_pipeline
from wwt_mm.engine import load_config
from wwt_mm.errors import ConfigError, DatasetError
from wwt_mm.inference.images import list_images

ROOT = Path(__file__).parents[3]
CONFIG = str(ROOT / 'configs/mmpretrain/wwt_tiny_in1k.py')


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(4):
        path = tmp_path / f'class{index % 2}' / f'{index}.jpg'
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (60, 80, 3), np.uint8)).save(path)
    (tmp_path / 'class0' / 'list.txt').write_text('no image')
    return tmp_path


def test_images_are_found_below_a_folder_in_order_and_up_to_a_limit(folder):
    names = [path.name for path in list_images(folder)[:3]]
    assert names == ['0.jpg', '2.jpg', '1.jpg']


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(DatasetError, match=f'{tmp_path} holds no image'):
        list_images(tmp_path)


def test_every_transform_of_the_config_is_timed(folder):
    cfg = load_config(CONFIG)
    seen = []
    result = time_pipeline(cfg, list_images(folder)[:4], 'cv2', lambda: seen.append(1))
    steps = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert list(result) == steps
    assert all(milliseconds >= 0 for milliseconds in result.values())
    assert sum(result.values()) > 0
    assert len(seen) == 4


def test_a_decoder_that_is_not_there_is_named(folder, monkeypatch):
    import mmcv

    def refuse(backend):
        raise ImportError(f'{backend} is not installed')

    monkeypatch.setattr(mmcv, 'use_backend', refuse)
    with pytest.raises(ConfigError, match='cannot decode with turbojpeg'):
        time_pipeline(load_config(CONFIG), list_images(folder)[:1], 'turbojpeg')


def test_the_tool_says_how_many_cores_keep_up(folder, monkeypatch, capsys):
    arguments = [CONFIG, str(folder), '--images', '4', '--images-per-second', '1e6']
    monkeypatch.setattr(sys, 'argv', ['benchmark_loading.py', *arguments])
    tool = ROOT / 'tools/analysis_tools/benchmark_loading.py'
    runpy.run_path(str(tool), run_name='__main__')
    output = capsys.readouterr().out
    assert 'RandomResizedCrop' in output and 'cores keep up' in output
