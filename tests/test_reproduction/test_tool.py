"""tools/reproduce.py with the real tools and configs, shrunk by options."""

import json
import os
import re
import subprocess
import sys

import pytest
from tool_process import CPU_ONLY, REPOSITORY

from reproduction.main import main
from wwt_mm.errors import ConfigError

from . import quick_tools


def arguments(folder, *more):
    given = ['--out', folder / 'out', '--data', f'scenes={folder / "scenes"}', *more]
    given += ['--scene-options', quick_tools.SCENES, '--jobs', 1]
    return [str(argument) for argument in given]


def test_claims_are_measured_from_nothing_to_the_page(
    tmp_path, run_tool, monkeypatch, capsys
):
    quick_tools.use(run_tool, monkeypatch)
    training = ['--train-options', *quick_tools.TRAINING]
    given = arguments(tmp_path, '--seeds', 0, 1, '--report', tmp_path / 'docs')
    main([*given, '--claims', '8', *training])
    assert re.search(r'4 results, [\d.]+ minutes; wrote', capsys.readouterr().out)
    results = json.loads((tmp_path / 'docs/reproduction/scenes.json').read_text())
    assert [(r['run'], r['seed']) for r in results] == [
        ('invariance', 0), ('wwt', 0), ('invariance', 1), ('wwt', 1)
    ]  # fmt: skip
    page = (tmp_path / 'docs/reproduction.md').read_text()
    slots = [r['metrics']['slots'] for r in results if r['run'] == 'invariance']
    assert f'{sum(slots) / 2:.3f} ± {abs(slots[0] - slots[1]) / 2**0.5:.3f}' in page
    assert re.search(r'\| Fig\. 7 .* (yes|on average|\*\*no\*\*) \(\d of 2\) \|', page)
    assert (tmp_path / 'docs/reproduction/scenes_claim8_invariance.png').is_file()

    # A page is not replaced by one of fewer results, which is said before any run.
    fewer = arguments(tmp_path, '--seeds', 0, '--report', tmp_path / 'docs')
    fewer[1] = str(tmp_path / 'other')
    with pytest.raises(ConfigError, match=r"holds 2 results, such as .'invariance', 1"):
        main([*fewer, '--claims', '8', *training])
    assert not (tmp_path / 'other/seed0').exists()

    # Claim 2 for one seed: its training is there already, thresholds are handed on.
    main([*arguments(tmp_path, '--seeds', 0), '--claims', '2', *training])
    assert '17 results' in capsys.readouterr().out
    threshold, test = (
        json.loads((tmp_path / f'out/seed0/{run}/result.json').read_text())
        for run in ('weak_wwt_threshold', 'weak_wwt')
    )
    chosen = threshold['metrics']['search/threshold']
    assert f'model.threshold={chosen}' in test['options']
    assert 'mIoU' in test['metrics'] and test['config'] in test['command']

    with pytest.raises(ConfigError, match='holds a run with other inputs'):
        main([*given, '--claims', '8', '--train-options', 'train_cfg.max_epochs=2'])


def run(*arguments):
    return subprocess.run(
        [sys.executable, 'tools/reproduce.py', *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **CPU_ONLY},
        capture_output=True,
        text=True,
    )


def test_missing_data_is_one_line(tmp_path):
    finished = run('imagenet', '--data', f'imagenet={tmp_path}', '--out', tmp_path)
    assert finished.returncode == 2
    (line,) = finished.stderr.splitlines()
    assert f"needs the dataset 'imagenet', and there is no folder {tmp_path}/tr" in line


def test_a_name_that_is_no_dataset_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match='NAME being one of cifar10'):
        main(['cifar', '--data', 'scenes=x', '--out', str(tmp_path)])


@pytest.mark.parametrize(
    'given, message',
    [
        ('weak_wwt={file}', 'RUN being one of wwt, vit'),
        ('wwt', 'write RUN=FILE'),
        ('wwt={file}', r'with 2 seeds, FILE must hold \{seed\}'),
        ('wwt={folder}/none_{{seed}}.pth', 'no file for seed 0'),
    ],
)
def test_checkpoints_that_cannot_be_used_are_one_line(tmp_path, given, message):
    file = tmp_path / 'wwt.pth'
    file.touch()
    given = given.format(file=file, folder=tmp_path)
    options = ['--seeds', '0', '1', '--out', str(tmp_path / 'out')]
    with pytest.raises(ConfigError, match=message):
        main(['photos', '--checkpoint', given, *options])
