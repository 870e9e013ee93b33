"""What a user gets wrong is told in one line; what we get wrong keeps its traceback."""

import subprocess

import pytest
import torch
from mmengine.optim import OptimWrapper
from tool_process import REPOSITORY

from .small_runs import DETECTION, shrink_detection


def last_line(run):
    return run.output.strip().splitlines()[-1]


@pytest.fixture
def foreign_checkpoint(tmp_path):
    path = tmp_path / 'other.pth'
    torch.save(dict(state_dict={'layer.weight': torch.ones(2)}), path)
    return path


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([], 'no data_root folder at'),
        (['--resume', 'none.pth'], 'no checkpoint to resume from at none.pth'),
        (['--auto-scale-lr', '--cfg-options', 'auto_scale_lr={}'], 'base_batch_size'),
        (['--launcher', 'slurm'], 'needs GPUs'),
    ],
)
def test_a_mistake_in_training_is_one_line_and_status_two(
    run_tool, scenes_root, arguments, message
):
    data = [] if not arguments else shrink_detection(scenes_root)
    if '--cfg-options' in arguments:
        arguments, data = arguments[:1], [*data, 'auto_scale_lr=None']
    run = run_tool('train', DETECTION, *arguments, *data)
    assert run.code == 2, run.output[-3000:]
    assert 'Traceback' not in run.output
    assert last_line(run).startswith('error: ')
    assert message in last_line(run)


def test_a_checkpoint_of_another_model_is_refused(
    run_tool, scenes_root, foreign_checkpoint
):
    options = shrink_detection(scenes_root)
    run = run_tool('test', DETECTION, foreign_checkpoint, *options)
    assert run.code == 2, run.output[-3000:]
    assert 'is not a checkpoint of' in last_line(run)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([DETECTION, 'none.pth'], 'no checkpoint file at none.pth'),
        (['configs/none.py', 'none.pth'], 'no config file at configs/none.py'),
        ([DETECTION, 'none.pth', '--out', 'a.json'], 'a.json must end with .pkl'),
    ],
)
def test_a_mistake_in_testing_is_one_line_and_status_two(run_tool, arguments, message):
    run = run_tool('test', *arguments)
    assert run.code == 2
    assert 'Traceback' not in run.output
    assert message in last_line(run)


def test_pictures_of_augmented_images_are_refused_where_there_are_none(
    run_tool, foreign_checkpoint
):
    config = REPOSITORY / 'configs' / 'mmpretrain' / 'wwt_scenes.py'
    arguments = [config, foreign_checkpoint, '--tta', '--show-dir', 'pictures']
    run = run_tool('test', *arguments)
    assert run.code == 2, run.output[-3000:]
    assert 'drop --tta or --show' in last_line(run)


@pytest.mark.parametrize(
    'config', ['weak/wwt_weak_scenes.py', 'ocl/ocl_wwt_zeroshot_scenes.py']
)
def test_segmentors_without_logits_are_not_augmented(
    run_tool, foreign_checkpoint, config
):
    path = REPOSITORY / 'configs' / 'mmseg' / config
    run = run_tool('test', path, foreign_checkpoint, '--tta')
    assert run.code == 2, run.output[-3000:]
    assert '--tta averages logits, and' in last_line(run)


def break_the_optimizer():
    def fail(*args, **kwargs):
        raise RuntimeError('a bug of ours')

    OptimWrapper.update_params = fail


def test_a_bug_keeps_its_traceback(run_tool, scenes_root):
    options = shrink_detection(scenes_root)
    run = run_tool('train', DETECTION, *options, before=break_the_optimizer)
    assert run.code == 1
    assert 'Traceback' in run.output
    assert 'a bug of ours' in last_line(run)


@pytest.mark.parametrize(
    'script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh']
)
def test_a_script_without_arguments_shows_its_usage(script):
    run = subprocess.run(
        [str(REPOSITORY / 'tools' / script)], capture_output=True, text=True
    )
    assert run.returncode == 2
    assert f'tools/{script}' in run.stderr
