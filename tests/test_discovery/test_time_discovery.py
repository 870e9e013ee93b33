"""The tool that times a method against its backbone."""

import re
import runpy
import sys

import pytest

from ..tool_process import REPOSITORY

TOOL = REPOSITORY / 'tools' / 'analysis_tools' / 'time_discovery.py'
CONFIG = REPOSITORY / 'configs' / 'mmdet' / 'discovery' / 'discovery_vit_scenes.py'


def run(monkeypatch, *arguments):
    argv = ['time_discovery.py', *map(str, arguments)]
    monkeypatch.setattr(sys, 'argv', argv)
    runpy.run_path(str(TOOL), run_name='__main__')


def test_it_prints_both_times(monkeypatch, capsys):
    options = ('--size', 40, 64, '--repeat', 2)
    run(monkeypatch, CONFIG, *options, '--cfg-options', 'model.method.type=TokenCut')
    line = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(
        r'VisionTransformer at 40 x 64: [\d.]+ ms; with TokenCut: [\d.]+ ms '
        r'\([\d.]+ times\)',
        line,
    )


def test_a_missing_config_is_one_line(monkeypatch, capsys):
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, 'nowhere.py')
    assert end.value.code == 2
    assert re.fullmatch('error: .*nowhere.py.*\n', capsys.readouterr().err)
