"""tools/train.py and tools/test.py with the segmentation configs, on scenes."""

import json
import re
import shutil

import pytest

from .conftest import CONFIGS

SPLITS = 'VOC2007/ImageSets/Segmentation'


def loader(stage, split):
    dataset = f'{stage}_dataloader.dataset'
    return [
        f'{dataset}.ann_file={SPLITS}/{split}.txt',
        f'{dataset}.data_prefix.img_path=VOC2007/JPEGImages',
        f'{dataset}.data_prefix.seg_map_path=VOC2007/SegmentationClass',
        f'{stage}_dataloader.num_workers=0',
    ]


def small(root):
    """The overfitting config on 64-pixel scenes, whose 11 classes fit VOC's 21."""
    return [
        '--cfg-options',
        f'data_root={root}',
        *loader('train', 'train'),
        *loader('val', 'val'),
        *loader('test', 'val'),
        'model.data_preprocessor.size=(64,64)',
        'model.backbone.img_size=64',
        'model.backbone.num_slots=8',
        'model.decode_head.num_slots=8',
        *(
            f'{stage}_dataloader.dataset.pipeline.{step}.scale=(64,64)'
            for stage, step in (('train', 2), ('val', 1), ('test', 1))
        ),
        'default_hooks.logger.interval=1',
    ]


@pytest.fixture(scope='module')
def trained(run_tool, scenes_root, tmp_path_factory):
    """The folder of a run of two iterations, and what it has printed."""
    work_dir = tmp_path_factory.mktemp('segmentation')
    finished = run_tool(
        'train',
        CONFIGS / 'wwt_seg_tiny_voc12_overfit.py',
        '--work-dir',
        work_dir,
        *small(scenes_root),
        'train_cfg.max_iters=2',
        'train_cfg.val_interval=2',
        'default_hooks.checkpoint.interval=1',
    ).check()
    return work_dir, finished.output


def test_training_logs_a_loss_and_validates(trained):
    work_dir, output = trained
    losses = re.findall(r'decode\.loss_ce: ([\d.]+)', output)
    assert len(losses) >= 2
    assert re.search(r'mIoU: [\d.]+', output)
    assert (work_dir / 'iter_2.pth').is_file()


def test_training_is_resumed_where_it_stopped(trained, run_tool, scenes_root, tmp_path):
    work_dir = tmp_path / 'resumed'
    work_dir.mkdir()
    shutil.copy(trained[0] / 'iter_1.pth', work_dir)
    output = (
        run_tool(
            'train',
            CONFIGS / 'wwt_seg_tiny_voc12_overfit.py',
            '--work-dir',
            work_dir,
            '--resume',
            work_dir / 'iter_1.pth',
            *small(scenes_root),
            'train_cfg.max_iters=2',
            'train_cfg.val_interval=2',
        )
        .check()
        .output
    )
    last = r'Iter\(train\) \[2/2\].*decode\.loss_ce: ([\d.]+)'
    assert re.search(last, output).group(1) == re.search(last, trained[1]).group(1)
    assert not re.search(r'Iter\(train\) \[1/2\]', output)


@pytest.mark.parametrize('way', ['whole', 'slide', 'tta'])
def test_testing_gives_a_miou_in_each_way_of_inference(
    trained, run_tool, scenes_root, tmp_path, way
):
    tta = ['--tta'] if way == 'tta' else []
    options = []
    if way == 'slide':
        options = [
            'model.test_cfg.mode=slide',
            'model.test_cfg.crop_size=(32,48)',
            'model.test_cfg.stride=(16,24)',
        ]
    elif way == 'tta':
        options = [
            f'tta_pipeline.1.transforms.0.{i}.scale=({scale},{scale})'
            for i, scale in enumerate((48, 64, 80))
        ]
    run_tool(
        'test',
        CONFIGS / 'wwt_seg_tiny_voc12_overfit.py',
        trained[0] / 'iter_2.pth',
        '--work-dir',
        tmp_path,
        *tta,
        *small(scenes_root),
        *options,
    ).check()
    (metrics,) = tmp_path.glob('*/*.json')
    assert 0 < json.loads(metrics.read_text())['mIoU'] <= 100


def test_a_missing_label_map_ends_a_run_with_one_line_that_names_it(
    run_tool, scenes_root, tmp_path
):
    root = tmp_path / 'scenes'
    shutil.copytree(scenes_root, root)
    first = (root / SPLITS / 'train.txt').read_text().split()[0]
    (root / f'VOC2007/SegmentationClass/{first}.png').unlink()
    finished = run_tool(
        'train',
        CONFIGS / 'wwt_seg_tiny_voc12_overfit.py',
        '--work-dir',
        tmp_path / 'run',
        *small(root),
        'train_dataloader.batch_size=8',
        'train_cfg.max_iters=1',
    )
    assert finished.code == 2
    assert re.search(rf'\nerror: no label map at .*{first}\.png', finished.output)
    assert 'Traceback' not in finished.output


def weak(root, split):
    return [
        '--cfg-options',
        f'data_root={root}',
        *loader('test', split),
        'test_dataloader.batch_size=2',
        'model.backbone.num_slots=8',
    ]


@pytest.fixture(scope='module')
def classifier(tmp_path_factory):
    """A classifier with random weights, as its own config makes and saves it."""
    import torch
    from mmengine.registry import DefaultScope
    from mmpretrain.registry import MODELS

    import wwt_mm.classification  # noqa: F401
    from wwt_mm.engine import load_config

    torch.manual_seed(0)
    cfg = load_config(
        CONFIGS.parent / 'mmpretrain' / 'wwt_scenes.py',
        {'model.backbone.num_slots': 8},
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
    path = tmp_path_factory.mktemp('classifier') / 'classifier.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return path


def test_weak_supervision_finds_its_threshold_and_tests_with_it(
    classifier, run_tool, scenes_root, tmp_path
):
    def run(name, *options):
        run_tool(
            'test',
            CONFIGS / 'weak' / 'wwt_weak_scenes.py',
            classifier,
            '--work-dir',
            tmp_path / name,
            *weak(scenes_root, 'train'),
            *options,
        ).check()
        (metrics,) = (tmp_path / name).glob('*/*.json')
        return json.loads(metrics.read_text())

    found = run('search', 'test_evaluator.type=ThresholdSearch')
    tested = run('test', f'model.threshold={found["search/threshold"]}')
    assert tested['mIoU'] == pytest.approx(found['search/mIoU'], abs=0.02)
