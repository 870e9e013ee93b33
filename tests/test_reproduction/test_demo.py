"""``make demo``, from nothing to its page, in small."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from reproduction.demo.main import main
from reproduction.demo.page import Picture, Step, render_page

from ..test_reproduction import quick_tools

RESULT = dict(
    machine=dict(processor='<P>', cores=2, device='cpu'),
    seed=0,
    versions={'torch': '2'},
)


def test_the_demo_goes_from_nothing_to_a_page(tmp_path, run_tool, monkeypatch, capsys):
    quick_tools.use(run_tool, monkeypatch)
    arguments = ['--out', tmp_path / 'out', '--data', tmp_path / 'scenes']
    arguments += ['--scene-options', quick_tools.SCENES]
    arguments += ['--train-options', *quick_tools.TRAINING]
    main([str(argument) for argument in arguments])
    said = capsys.readouterr().out
    for measured in ('accuracy', 'CorLoc', 'recall', 'boxes per image', 'mAP'):
        assert re.search(rf': {measured} [\d.]+', said), said
    assert re.search(r'minutes\. Look at .*demo\.html', said)
    page = (tmp_path / 'out' / 'demo.html').read_text()
    assert 'python tools/dataset_converters/make_scenes.py data/scenes' in page
    shown = re.search(r'mAP&nbsp;<b>([\d.]+)</b>', page)[1]
    assert f'Detect objects in scenes not seen in training: mAP {shown}' in said
    pictures = re.findall(r'src="data:image/png;base64,(.*?)"', page)
    assert len(pictures) == 4 + 2  # photographs, discoveries, detections
    for picture in pictures:
        picture = Image.open(BytesIO(base64.b64decode(picture))).convert('L')
        assert np.std(picture) > 10
    log = (tmp_path / 'out/seed0/detect/log.txt').read_text()
    pretrained = tmp_path / 'out/seed0/pretrain/work/epoch_1.pth'
    assert f'Load checkpoint from {pretrained}' in log


@pytest.fixture
def picture(tmp_path):
    Image.new('RGB', (40, 20), 'red').save(tmp_path / 'red.png')
    return Picture.read('Red & <b>', 'All "red"', tmp_path / 'red.png')


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(picture):
    steps = [Step('Generate', 'python tools/x.py', 90.0, (('score', '7.0 %'),))]
    page = render_page([*steps, Step('Train', 'y', 30.0)], [picture], RESULT)
    assert '2.0 minutes in all, on &lt;P&gt;' in page
    assert 'Red &amp; &lt;b&gt;' in page and 'score&nbsp;<b>7.0 %</b>' in page
    assert not re.search(r'(src|href)="(?!data:)', page) and 'http' not in page


def test_a_browser_shows_the_pictures_and_has_nothing_to_complain_about(
    browser, picture, tmp_path
):
    steps = [Step('Generate <i>', 'python tools/x.py', 90.0, (('score', '7.0 %'),))]
    path = tmp_path / 'demo.html'
    path.write_text(render_page(steps, [picture, picture], RESULT), encoding='utf-8')
    browser.get(path.as_uri())
    shown = browser.find_elements('css selector', 'figure img')
    sizes = [image.get_property('naturalWidth') for image in shown]
    assert sizes == [40, 40] and all(image.is_displayed() for image in shown)
    (row,) = browser.find_elements('css selector', '#steps tbody tr')
    assert row.text.split('\n')[0] == 'Generate <i>'
    assert '1.5' in row.text and 'score\xa07.0 %' in row.text.replace(' 7', '\xa07')
    assert browser.get_log('browser') == []
