import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[3]
TOOL = REPO / 'tools' / 'dataset_converters' / 'make_scenes.py'
SMALL = '--height 32 --width 40 --min-size 0.3 --train 3 --val 1 --test 2'
SMALL += ' --cls-train 10 --cls-val 2 --workers 1'


@pytest.fixture
def make_scenes(monkeypatch):
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
        runpy.run_path(str(TOOL), run_name='__main__')

    return run


def test_both_layouts_are_written_once(make_scenes, tmp_path, capsys):
    make_scenes(tmp_path, *SMALL.split())
    assert capsys.readouterr().out.count(': written in ') == 2
    assert len(os.listdir(tmp_path / 'VOC2007' / 'JPEGImages')) == 6
    assert len(list((tmp_path / 'classification' / 'train').glob('*/*.jpg'))) == 10
    make_scenes(tmp_path, *SMALL.split())
    assert capsys.readouterr().out.count('already there, same options') == 2


def test_no_images_of_a_layout_means_no_folder(make_scenes, tmp_path):
    for option, layout in (('cls-train', 'VOC2007'), ('train', 'classification')):
        make_scenes(tmp_path / layout, *SMALL.split(), f'--{option}', 0)
        assert os.listdir(tmp_path / layout) == [layout]


def test_other_options_need_force(make_scenes, tmp_path, capsys):
    options = [*SMALL.split(), '--cls-train', 0]
    make_scenes(tmp_path, *options)
    with pytest.raises(SystemExit):
        make_scenes(tmp_path, *options, '--seed', 1)
    assert 'seed: 0, now 1' in capsys.readouterr().err
    make_scenes(tmp_path, *options, '--seed', 1, '--force')


@pytest.mark.parametrize(
    'options, name',
    [
        ('--height 0', 'height'),
        ('--min-objects 5', 'min_objects'),
        ('--max-size 2', 'max_size'),
        ('--train -1', 'train'),
        ('--cls-max-objects 0', 'cls_max_objects'),
        ('--workers 0', 'workers'),
    ],
)
def test_a_bad_option_gives_one_line_and_no_files(
    make_scenes, tmp_path, capsys, options, name
):
    with pytest.raises(SystemExit) as caught:
        make_scenes(tmp_path / 'out', *SMALL.split(), *options.split())
    message = capsys.readouterr().err
    assert caught.value.code == 2
    assert message.startswith('error: ') and name in message
    assert message.count('\n') == 1
    assert os.listdir(tmp_path) == []


def test_help_teaches_with_an_example(make_scenes, capsys):
    with pytest.raises(SystemExit) as caught:
        make_scenes('--help')
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert 'make_scenes.py data/scenes' in text
    assert '--max-occlusion' in text


def test_a_failing_run_has_a_non_zero_status_and_no_traceback(tmp_path):
    run = subprocess.run(
        [sys.executable, TOOL, tmp_path, '--seed', '-1'],
        env={**os.environ, 'PYTHONPATH': str(REPO)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert run.stderr.strip().splitlines()[-1].startswith('error: seed')
    assert 'Traceback' not in run.stderr
