"""tools/dataset_converters/voc_aug.py on a small SBD."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from wwt_mm.errors import DatasetError

TOOL = Path(__file__).parents[2] / 'tools/dataset_converters/voc_aug.py'


@pytest.fixture
def convert():
    return runpy.run_path(str(TOOL))['main']


def write_mat(path, labels):
    path.parent.mkdir(parents=True, exist_ok=True)
    dtype = [('Segmentation', object), ('CategoriesPresent', object)]
    savemat(path, {'GTcls': np.array([(labels, [1])], dtype=dtype)})


@pytest.fixture
def data(tmp_path):
    """VOC12 with train a and val b; SBD with train a, c and val b, d."""
    voc, sbd = tmp_path / 'VOCdevkit/VOC2012', tmp_path / 'sbd'
    (voc / 'ImageSets/Segmentation').mkdir(parents=True)
    (voc / 'JPEGImages').mkdir()
    (voc / 'ImageSets/Segmentation/train.txt').write_text('a\n')
    (voc / 'ImageSets/Segmentation/val.txt').write_text('b\n')
    sbd.mkdir()
    (sbd / 'train.txt').write_text('a\nc\n')
    (sbd / 'val.txt').write_text('b\nd\n')
    for value, name in enumerate('abcd'):
        (voc / f'JPEGImages/{name}.jpg').touch()
        labels = np.zeros((3, 4), np.uint8)
        labels[1, 2] = value + 10
        write_mat(sbd / f'cls/{name}.mat', labels)
    return voc, sbd


def run(convert, data):
    convert([str(data[0].parent), str(data[1])])


def test_images_in_neither_list_of_voc_become_label_maps(convert, data):
    run(convert, data)
    voc = data[0]
    assert (voc / 'ImageSets/Segmentation/aug.txt').read_text() == 'c\nd\n'
    maps = sorted(p.name for p in (voc / 'SegmentationClassAug').iterdir())
    assert maps == ['c.png', 'd.png']
    image = Image.open(voc / 'SegmentationClassAug/c.png')
    assert image.mode == 'P'
    labels = np.asarray(image)
    assert labels[1, 2] == 12 and labels.sum() == 12


def test_a_second_run_changes_nothing(convert, data):
    run(convert, data)
    path = data[0] / 'SegmentationClassAug/c.png'
    before = path.stat().st_mtime_ns
    run(convert, data)
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ('broken', 'message'),
    [
        (lambda voc, sbd: (sbd / 'cls/c.mat').unlink(), r'no label map .*c\.mat'),
        (
            lambda voc, sbd: (sbd / 'cls/c.mat').write_bytes(b'MATLAB 5.0'),
            r'c\.mat cannot be read',
        ),
        (
            lambda voc, sbd: write_mat(sbd / 'cls/c.mat', np.full((2, 2), 21)),
            r'c\.mat is not one of the 20',
        ),
        (
            lambda voc, sbd: (voc / 'JPEGImages/c.jpg').unlink(),
            r'JPEGImages has no c\.jpg',
        ),
        (lambda voc, sbd: (sbd / 'val.txt').unlink(), r'no list .*val\.txt'),
    ],
)
def test_what_is_missing_or_damaged_is_named_and_no_list_is_written(
    convert, data, broken, message
):
    broken(*data)
    with pytest.raises(DatasetError, match=message):
        run(convert, data)
    assert not (data[0] / 'ImageSets/Segmentation/aug.txt').exists()
    assert not (data[0] / 'SegmentationClassAug/c.png').exists()
