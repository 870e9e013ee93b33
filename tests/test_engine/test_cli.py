"""Slips on the command line are told in one line, with status 2."""

import argparse

import pytest
from mmengine.optim import OptimWrapper

from wwt_mm.engine import load_config, test, train
from wwt_mm.engine.cli import positive_int, run_tool
from wwt_mm.engine.precision import enable_amp

from ..tool_process import REPOSITORY

CLASSIFIER = str(REPOSITORY / 'configs/mmpretrain/wwt_scenes.py')
DISCOVERY = str(REPOSITORY / 'configs/mmdet/discovery/discovery_wwt_scenes.py')


@pytest.mark.parametrize(
    ('tool', 'arguments', 'says'),
    [
        (train, [CLASSIFIER, '--cfg-options', 'data_root'], 'data_root: see --help'),
        (train, [CLASSIFIER, '--cfg-options', 'a=[1,', '2]'], 'see --help'),
        (test, [CLASSIFIER, 'x.pth', '--cfg-options', 'a=[1,2'], 'see --help'),
        (train, [CLASSIFIER, '--seed', '-1'], "'-1' is no number from 0"),
        (train, [CLASSIFIER, '--seed', str(2**32)], 'is no number from 0'),
        (train, [CLASSIFIER, '--launcher', 'pytorch'], 'use tools/dist_train.sh'),
        (train, [DISCOVERY], 'trains nothing: it is for tools/test.py'),
        (train, [DISCOVERY, '--amp'], 'trains nothing: it is for tools/test.py'),
    ],
)
def test_a_slip_is_one_line(tool, arguments, says, capsys):
    with pytest.raises(SystemExit) as caught:
        run_tool(lambda: tool.main(arguments))
    assert caught.value.code == 2
    assert says in capsys.readouterr().err.splitlines()[-1]


def test_a_file_in_the_place_of_a_folder_is_one_line(tmp_path, capsys):
    (tmp_path / 'file').touch()
    with pytest.raises(SystemExit) as caught:
        run_tool(lambda: (tmp_path / 'file' / 'folder').mkdir())
    assert caught.value.code == 2
    assert 'file is in its way' in capsys.readouterr().err


def test_whole_numbers_begin_at_one():
    assert positive_int('12') == 12
    for text in ('0', '-3', '1.5', 'photo.jpg'):
        with pytest.raises(argparse.ArgumentTypeError, match='at least 1'):
            positive_int(text)


def test_an_optimizer_wrapper_may_be_given_as_a_class():
    cfg = load_config(CLASSIFIER)
    cfg.optim_wrapper.type = OptimWrapper
    enable_amp(cfg, 'bfloat16')
    assert cfg.optim_wrapper.type == 'wwt_mm.engine.BFloat16OptimWrapper'
