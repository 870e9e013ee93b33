"""Object-centric configs as a user runs them, on scenes of 64 pixels."""

import json
import re
import shutil
import statistics

import pytest
import torch

from reproduction.seeds import run_seeds

from ..test_reproduction import quick_tools
from .conftest import CONFIGS

SPLITS = 'VOC2007/ImageSets/Segmentation'


def small(root, teacher='random', iterations=2):
    options = [
        f'data_root={root}',
        f'train_cfg.max_iters={iterations}',
        f'train_cfg.val_interval={iterations}',
        'train_dataloader.batch_size=2',
        'default_hooks.checkpoint.interval=1',
        'default_hooks.logger.interval=1',
        *(f'{stage}_dataloader.num_workers=0' for stage in ('train', 'val', 'test')),
    ]
    return options + ([f'model.target.checkpoint={teacher}'] if teacher else [])


@pytest.fixture(scope='module')
def trained(run_tool, scenes_root, tmp_path_factory):
    """The folder of a WWT-OCL run of two iterations, and what it has printed."""
    work_dir = tmp_path_factory.mktemp('wwt')
    finished = run_tool(
        'train',
        CONFIGS / 'ocl_wwt_scenes.py',
        '--work-dir',
        work_dir,
        '--seed',
        0,
        '--cfg-options',
        *small(scenes_root),
    ).check()
    return work_dir, finished.output


def losses(output):
    return re.findall(r'loss_reconstruction: ([\d.]+)', output)


def test_training_logs_its_loss_and_validates(trained):
    work_dir, output = trained
    assert len(losses(output)) == 2
    assert re.search(r'objects/mBO_i: [\d.]+.*objects/FG-ARI: -?[\d.]+', output)
    weights = torch.load(work_dir / 'iter_2.pth', weights_only=False)['state_dict']
    assert not any(name.startswith('target') for name in weights)


def test_a_resumed_run_has_the_same_teacher(trained, run_tool, scenes_root, tmp_path):
    shutil.copy(trained[0] / 'iter_1.pth', tmp_path)
    output = (
        run_tool(
            'train',
            CONFIGS / 'ocl_wwt_scenes.py',
            '--work-dir',
            tmp_path,
            '--resume',
            tmp_path / 'iter_1.pth',
            '--cfg-options',
            *small(scenes_root),
        )
        .check()
        .output
    )
    assert losses(output) == losses(trained[1])[1:]


def test_testing_needs_no_teacher_and_draws_segments(
    trained, run_tool, scenes_root, tmp_path
):
    run_tool(
        'test',
        CONFIGS / 'ocl_wwt_scenes.py',
        trained[0] / 'iter_2.pth',
        '--work-dir',
        tmp_path / 'test',
        '--show-dir',
        tmp_path / 'pictures',
        '--cfg-options',
        *small(scenes_root, teacher='gone.pth'),
    ).check()
    (file,) = (tmp_path / 'test').glob('*/*.json')
    metrics = json.loads(file.read_text())
    assert metrics['objects/num_images'] == 6
    assert all(0 < metrics[f'objects/mBO_{kind}'] <= 100 for kind in 'ic')
    assert len(list((tmp_path / 'pictures').rglob('*.png'))) == 6


def test_slate_trains_and_is_tested_with_the_vocabulary_of_its_checkpoint(
    run_tool, scenes_root, tmp_path
):
    config = CONFIGS / 'ocl_slate_scenes.py'
    options = ('--cfg-options', *small(scenes_root, teacher=None))
    trained = run_tool('train', config, '--work-dir', tmp_path, *options).check()
    for loss in ('loss_tokens', 'loss_vae'):
        assert len(re.findall(rf'{loss}: [\d.]+', trained.output)) == 2
    path = tmp_path / 'iter_2.pth'
    weights = torch.load(path, weights_only=False)['state_dict']
    assert weights['target.iterations'] == 2  # the temperature goes on from there
    assert 'target.encoder.0.0.weight' in weights
    validation = f'test_dataloader.dataset.ann_file={SPLITS}/val.txt'
    work_dir = ('--work-dir', tmp_path / 'test')
    tested = run_tool('test', config, path, *work_dir, *options, validation).check()
    metric = re.compile(r'objects/mBO_i: ([\d.]+)')
    assert metric.findall(tested.output) == metric.findall(trained.output)


def test_a_missing_teacher_ends_training_with_one_line(run_tool, scenes_root, tmp_path):
    finished = run_tool(
        'train',
        CONFIGS / 'ocl_dinosaur_mlp_scenes.py',
        '--work-dir',
        tmp_path,
        '--cfg-options',
        *small(scenes_root, teacher='gone.pth'),
    )
    assert finished.code == 2
    assert 'error: no teacher at gone.pth' in finished.output
    assert 'Traceback' not in finished.output


def test_missing_data_end_training_with_one_line(run_tool, tmp_path):
    for name in ('voc12', 'coco'):
        finished = run_tool(
            'train',
            CONFIGS / f'ocl_wwt_{name}.py',
            '--cfg-options',
            f'data_root={tmp_path / "none"}',
        )
        assert finished.code == 2
        assert 'docs/datasets.md' in finished.output
        assert 'Traceback' not in finished.output


def test_seeds_of_a_baseline_are_averaged(run_tool, scenes_root, tmp_path, monkeypatch):
    quick_tools.use(run_tool, monkeypatch)
    report = run_seeds(
        str(CONFIGS / 'ocl_dinosaur_mlp_scenes.py'),
        [0, 1],
        tmp_path,
        cfg_options=small(scenes_root, iterations=1),
    )
    assert set(report['seeds']) == {'0', '1'}
    values = [run['objects/mBO_i'] for run in report['seeds'].values()]
    assert report['std']['objects/mBO_i'] == pytest.approx(statistics.stdev(values))
