"""CIFAR-10 as folders trains both models."""

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from tool_process import REPOSITORY

from wwt_mm.engine import test, train

FOLDER = REPOSITORY / 'configs' / 'mmpretrain'


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp('cifar10')
    rng = np.random.default_rng(0)
    for split in ('train', 'test'):
        for label in range(10):
            (root / split / f'class{label}').mkdir(parents=True)
            image = rng.integers(0, 256, (32, 32, 3), np.uint8)
            cv2.imwrite(str(root / split / f'class{label}' / 'a.png'), image)
    return root


@pytest.mark.parametrize('name', ['wwt_cifar10', 'vit_cifar10'])
def test_a_model_trains_and_is_tested_on_folders(folders, tmp_path, name):
    options = [f'data_root={folders}', 'train_dataloader.batch_size=5']
    options += ['train_cfg.max_epochs=1']
    for loader in ('train', 'val', 'test'):
        options.append(f'{loader}_dataloader.num_workers=0')
    arguments = ['--work-dir', str(tmp_path), '--cfg-options', *options]
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        train.main([str(FOLDER / f'{name}.py'), *arguments])
        checkpoint = str(tmp_path / 'epoch_1.pth')
        metrics = test.main([str(FOLDER / f'{name}.py'), checkpoint, *arguments])
    assert metrics['accuracy/top1'] % 10 == 0
