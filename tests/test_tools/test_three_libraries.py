"""The tools train, test and draw with configs of each of the libraries."""

import pickle
from dataclasses import dataclass
from pathlib import Path

import pytest
from tool_process import REPOSITORY

from reproduction.scenes import SceneConfig, write_classification

from .small_runs import (
    DETECTION,
    read_metrics,
    shrink_classification,
    shrink_detection,
    shrink_segmentation,
)

CONFIGS = REPOSITORY / 'configs'
CASES = {
    'mmdet': (DETECTION, lambda root: shrink_detection(root, 1), 6),
    'mmpretrain': (CONFIGS / 'mmpretrain/wwt_scenes.py', shrink_classification, 5),
    'mmseg': (
        CONFIGS / 'mmseg/wwt_seg_tiny_voc12_overfit.py',
        shrink_segmentation,
        6,
    ),
}
METRICS = {'mmdet': 'pascal_voc/mAP', 'mmpretrain': 'accuracy/top1', 'mmseg': 'mIoU'}


@dataclass
class Trained:
    """A run of tools/train.py that has ended."""

    library: str
    arguments: list
    options: list
    num_images: int


@pytest.fixture(scope='module')
def root(scenes_root):
    scenes = SceneConfig(height=64, width=64, max_objects=1, single_class=True)
    write_classification(scenes_root, scenes, train=10, val=5, workers=1)
    return scenes_root


@pytest.fixture(scope='module', params=CASES)
def trained(request, root, run_tool, tmp_path_factory):
    config, shrink, num_images = CASES[request.param]
    work_dir = tmp_path_factory.mktemp(request.param)
    options = shrink(root)
    run_tool('train', config, '--work-dir', work_dir, *options).check()
    checkpoint = Path((work_dir / 'last_checkpoint').read_text())
    assert checkpoint.parent == work_dir
    return Trained(request.param, [config, checkpoint], options, num_images)


def test_show_dir_gets_a_picture_of_each_image_and_out_all_predictions(
    trained, run_tool, tmp_path
):
    run_tool(
        'test',
        *trained.arguments,
        *('--work-dir', tmp_path / 'run', '--show-dir', tmp_path / 'pictures'),
        *('--out', tmp_path / 'predictions.pkl', *trained.options),
    ).check()
    pictures = [
        path
        for path in (tmp_path / 'pictures').rglob('*')
        if path.suffix in ('.png', '.jpg')
    ]
    assert len(pictures) == trained.num_images
    with open(tmp_path / 'predictions.pkl', 'rb') as file:
        assert len(pickle.load(file)) == trained.num_images
    assert METRICS[trained.library] in read_metrics(tmp_path / 'run')


def test_test_time_augmentation_gives_the_metrics_too(trained, run_tool, tmp_path):
    run_tool(
        'test', *trained.arguments, '--work-dir', tmp_path, '--tta', *trained.options
    ).check()
    assert METRICS[trained.library] in read_metrics(tmp_path)
