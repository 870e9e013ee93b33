"""tools/slots.py writes each image's files whole, once, and goes on after a stop."""

import json
import os
import runpy
import sys

import cv2
import numpy as np
import pytest

from wwt_mm.engine import load_config
from wwt_mm.errors import ConfigError, DatasetError
from wwt_mm.inference import SlotInferencer
from wwt_mm.inference.run import main, write_slots

from ..tool_process import REPOSITORY
from .conftest import CLASSIFIER


def written(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob('*')
        if path.is_file() and not path.name.startswith('.')
    )


def test_each_image_gets_a_picture_and_a_table(infer, folder, tmp_path):
    out = tmp_path / 'out'
    assert write_slots(infer, folder, out) == (5, 0, 0)
    names = ['0.png', '1.png', '2.png', '3.png', 'sub/0.png']
    assert written(out) == sorted(
        name + suffix for name in names for suffix in ('.slots.json', '.slots.png')
    )
    table = json.loads((out / 'sub' / '0.png.slots.json').read_text())
    result = infer(folder / 'sub' / '0.png')
    assert table['image'] == 'sub/0.png' and table['size'] == [64, 64]
    assert [row['class'] for row in table['classes']] == [
        name for name, _ in result.classes[:5]
    ]
    assert len(table['slots']) == 16
    assert sum(row['share'] for row in table['slots']) == pytest.approx(1, abs=1e-4)
    assert np.allclose(
        [row['box'] for row in table['regions']], result.regions.boxes, atol=0.01
    )
    picture = cv2.imread(str(out / 'sub' / '0.png.slots.png'))
    assert picture.shape[0] > 300 and picture.std() > 20


def test_another_image_of_the_same_name_is_looked_at_again(infer, folder, tmp_path):
    out = tmp_path / 'out'
    assert write_slots(infer, folder / '0.png', out).written == 1
    assert write_slots(infer, folder / '0.png', out) == (0, 1, 0)
    assert write_slots(infer, folder / 'sub' / '0.png', out).written == 1
    (folder / 'sub' / '0.png').write_bytes((folder / '1.png').read_bytes())
    os.utime(folder / 'sub' / '0.png', (1, 1))
    assert write_slots(infer, folder / 'sub' / '0.png', out).written == 1


def test_a_second_run_writes_only_what_is_missing(infer, folder, tmp_path):
    out = tmp_path / 'out'
    write_slots(infer, folder, out)
    missing = out / '2.png.slots.json'
    times = {name: (out / name).stat().st_mtime_ns for name in written(out)}
    missing.unlink()
    assert write_slots(infer, folder, out) == (1, 4, 0)
    changed = [n for n, time in times.items() if (out / n).stat().st_mtime_ns != time]
    assert changed == ['2.png.slots.json', '2.png.slots.png']
    assert write_slots(infer, folder, out, arrays=True) == (5, 0, 0)
    arrays = np.load(out / '2.png.slots.npz')
    assert arrays['slots'].shape == (16, 96) and arrays['masks'].shape == (16, 8, 8)


def test_a_killed_run_leaves_no_half_image_behind(infer, folder, tmp_path, monkeypatch):
    replace = os.replace

    def killed(source, target):
        if str(target).endswith('1.png.slots.json'):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, 'replace', killed)
    with pytest.raises(KeyboardInterrupt):
        write_slots(infer, folder, tmp_path / 'out')
    monkeypatch.undo()
    assert '1.png.slots.json' not in written(tmp_path / 'out')
    assert write_slots(infer, folder, tmp_path / 'out') == (4, 1, 0)
    (tmp_path / 'out' / '1.png.slots.json').write_text('{"image": "1.p')
    assert write_slots(infer, folder, tmp_path / 'out') == (1, 4, 0)


def test_a_folder_takes_results_of_one_model(infer, infer_with, folder, tmp_path):
    write_slots(infer, folder, tmp_path / 'out')
    other = infer_with('mmdet/discovery/discovery_wwt_scenes')
    with pytest.raises(ConfigError, match='another config, checkpoint'):
        write_slots(other, folder, tmp_path / 'out')


def test_a_config_that_has_changed_since_is_another_model(folder, tmp_path):
    config = load_config(CLASSIFIER)
    list(SlotInferencer(config)(folder, out_dir=tmp_path / 'out'))
    list(SlotInferencer(config)(folder, out_dir=tmp_path / 'out'))
    config.slot_regions = dict(normalise='min_max', threshold=0.4)
    with pytest.raises(ConfigError, match='another config_content: choose'):
        SlotInferencer(config)(folder, out_dir=tmp_path / 'out')


def test_images_that_cannot_be_read_leave_no_folder(infer, tmp_path):
    (tmp_path / 'bad.png').write_bytes(b'none')
    with pytest.raises(DatasetError):
        infer(tmp_path / 'bad.png', out_dir=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_written_pictures_are_not_taken_for_images(infer, folder):
    assert write_slots(infer, folder, folder) == (5, 0, 0)
    assert write_slots(infer, folder, folder) == (0, 5, 0)


def test_images_of_several_folders_do_not_overwrite_each_other(infer, folder, tmp_path):
    images = [folder / '0.png', folder / 'sub' / '0.png']
    results = list(infer(images, out_dir=tmp_path / 'out'))
    assert [result.path for result in results] == images
    assert len(written(tmp_path / 'out')) == 4


def test_the_gallery_shows_the_first_images_also_after_a_stop(infer, folder, tmp_path):
    out = tmp_path / 'out'
    assert write_slots(infer, folder, out) == (5, 0, 0)
    assert write_slots(infer, folder, out, gallery=2) == (2, 3, 0)
    page = (out / 'gallery.html').read_text()
    assert page.count('<article') == 2 and '>1.png<' in page and '>2.png<' not in page
    assert write_slots(infer, folder, out, gallery=3) == (3, 2, 0)
    (out / '2.png.slots.json').unlink()
    assert write_slots(infer, folder, out, gallery=2) == (3, 2, 0)


def test_the_tool_writes_and_tells_what_it_did(folder, tmp_path, checkpoint_of, capsys):
    (folder / 'bad.jpg').touch()
    out = tmp_path / 'out'
    arguments = ['--config', CLASSIFIER, '--out', out, '--html', '1', '--device', 'cpu']
    arguments += ['--checkpoint', checkpoint_of('mmpretrain/wwt_scenes')]
    arguments = [str(argument) for argument in (folder, *arguments)]
    with pytest.raises(DatasetError, match='bad.jpg cannot be read'):
        main([*arguments, '--batch-size', '1'])
    done = main([*arguments, '--on-bad-image', 'skip'])
    assert done.bad == 1 and done.written + done.there == 5
    assert 'could not be read. Look at' in capsys.readouterr().out
    assert '<h1>Slots of wwt_scenes</h1>' in (out / 'gallery.html').read_text()
    with pytest.raises(SystemExit):
        main([*arguments, '--batch-size', '0'])


def run_file(monkeypatch, *arguments):
    """Runs tools/slots.py as its own program; returns its exit code."""
    monkeypatch.setattr(sys, 'argv', ['slots.py', *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(REPOSITORY / 'tools' / 'slots.py'), run_name='__main__')
    return exit_.value.code


def test_the_command_line_explains_itself_and_fails_in_one_line(
    tmp_path, monkeypatch, capsys
):
    assert run_file(monkeypatch, '--help') == 0
    shown = capsys.readouterr().out
    assert 'gallery.html' in shown and '--trust-checkpoint' in shown
    arguments = ['--config', CLASSIFIER, '--checkpoint', 'x', '--out', 'y']
    assert run_file(monkeypatch, tmp_path, *arguments) == 2
    failed = capsys.readouterr().err
    assert failed.startswith(f'error: {tmp_path} holds no image')
    assert failed.count('\n') == 1
