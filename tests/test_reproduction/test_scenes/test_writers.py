import json
import os
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from skimage.segmentation import find_boundaries

import reproduction.scenes.writers as writers
from reproduction.scenes import (
    SCENE_CLASSES,
    SceneConfig,
    render_scene,
    write_classification,
    write_voc,
)
from wwt_mm.errors import ConfigError, DatasetError

SMALL = SceneConfig(height=40, width=48, max_occlusion=0.8, max_truncation=0.6)
FEW = {'train': 4, 'val': 2, 'test': 3, 'workers': 1}
LABELLED = SceneConfig(height=32, width=32, max_objects=1, single_class=True)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def lines(path):
    return path.read_text().split('\n')[:-1]


@pytest.fixture(scope='module')
def voc(tmp_path_factory):
    out = tmp_path_factory.mktemp('scenes')
    assert write_voc(out, SMALL, **FEW)
    return out / 'VOC2007'


def test_each_image_has_its_files_and_each_list_its_images(voc):
    main = voc / 'ImageSets' / 'Main'
    train, val, test = (lines(main / f'{s}.txt') for s in ('train', 'val', 'test'))
    assert (len(train), len(val), len(test)) == (4, 2, 3)
    assert lines(main / 'trainval.txt') == train + val
    names = sorted(train + val + test)
    assert len(set(names)) == 9
    for folder, suffix in (
        ('JPEGImages', '.jpg'),
        ('Annotations', '.xml'),
        ('SegmentationClass', '.png'),
        ('SegmentationObject', '.png'),
    ):
        assert sorted(os.listdir(voc / folder)) == [name + suffix for name in names]
    for split in ('train', 'val', 'trainval', 'test'):
        segmentation = voc / 'ImageSets' / 'Segmentation' / f'{split}.txt'
        assert lines(segmentation) == lines(main / f'{split}.txt')


def test_xml_tells_boxes_from_one_and_flags_as_the_scene_has_them(voc):
    for name in lines(voc / 'ImageSets' / 'Main' / 'trainval.txt'):
        scene = render_scene(SMALL, int(name))
        root = ET.parse(voc / 'Annotations' / f'{name}.xml').getroot()
        size = [int(root.findtext(f'size/{k}')) for k in ('height', 'width', 'depth')]
        assert size == [40, 48, 3]
        nodes = root.findall('object')
        assert len(nodes) == len(scene.labels)
        for i, node in enumerate(nodes):
            assert node.findtext('name') == SCENE_CLASSES[scene.labels[i]]
            y, x = np.nonzero(scene.instances == i + 1)
            box = [
                int(node.findtext(f'bndbox/{k}'))
                for k in ('xmin', 'ymin', 'xmax', 'ymax')
            ]
            assert box == [x.min() + 1, y.min() + 1, x.max() + 1, y.max() + 1]
            for flag in ('truncated', 'occluded', 'difficult'):
                assert int(node.findtext(flag)) == getattr(scene, flag)[i]


def test_images_and_maps_on_disk_are_the_scenes(voc):
    for name in lines(voc / 'ImageSets' / 'Main' / 'test.txt'):
        scene = render_scene(SMALL, int(name))
        image = np.asarray(Image.open(voc / 'JPEGImages' / f'{name}.jpg'), float)
        assert abs(image - scene.image).mean() < 8  # what JPEG loses
        for folder, labels in (
            ('SegmentationClass', scene.semantic),
            ('SegmentationObject', scene.instances),
        ):
            picture = Image.open(voc / folder / f'{name}.png')
            assert picture.mode == 'P'
            np.testing.assert_array_equal(np.asarray(picture), labels)


def test_lists_per_class_tell_present_difficult_and_absent(voc):
    found = set()
    for name in lines(voc / 'ImageSets' / 'Main' / 'trainval.txt'):
        scene = render_scene(SMALL, int(name))
        for label, title in enumerate(SCENE_CLASSES):
            difficult = scene.difficult[scene.labels == label]
            expected = -1 if not len(difficult) else int(not difficult.all())
            path = voc / 'ImageSets' / 'Main' / f'{title}_trainval.txt'
            assert dict(line.split() for line in lines(path))[name] == str(expected)
            found.add(expected)
    assert {-1, 1} <= found


def test_palette_is_that_of_pascal_voc():
    # As mmseg's PascalVOCDataset lists it; 255 is the cream colour of VOC's borders.
    palette = writers.voc_palette()
    assert palette[[0, 1, 2, 3, 8, 15, 20]].tolist() == [
        [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0],
        [64, 0, 0], [192, 128, 128], [0, 64, 128],
    ]  # fmt: skip
    assert palette[255].tolist() == [224, 224, 192]


def test_void_border_surrounds_every_object(tmp_path):
    write_voc(tmp_path, SMALL, train=3, val=0, test=0, workers=1, void_border=1)
    for index in range(3):
        scene = render_scene(SMALL, index)
        void = find_boundaries(scene.instances, connectivity=2, mode='thick')
        for folder, labels in (
            ('SegmentationClass', scene.semantic),
            ('SegmentationObject', scene.instances),
        ):
            path = tmp_path / 'VOC2007' / folder / f'{index:07d}.png'
            stored = np.asarray(Image.open(path))
            np.testing.assert_array_equal(stored, np.where(void, 255, labels))


def test_bytes_do_not_depend_on_workers_or_on_the_number_of_images(tmp_path, voc):
    write_voc(tmp_path, SMALL, train=40, val=2, test=5, workers=2)
    few, many = contents(voc), contents(tmp_path / 'VOC2007')
    images = [name for name in few if not name.startswith(('ImageSets', 'scenes'))]
    assert len(images) == 9 * 4
    assert all(few[name] == many[name] for name in images)


def test_classification_folders_hold_scenes_of_their_class(tmp_path):
    assert write_classification(tmp_path, LABELLED, train=25, val=10, workers=1)
    root = tmp_path / 'classification'
    for split, total, first in (('train', 25, 3_000_000), ('val', 10, 4_000_000)):
        assert sorted(os.listdir(root / split)) == sorted(SCENE_CLASSES)
        indices = []
        for label, name in enumerate(sorted(SCENE_CLASSES)):
            for path in (root / split / name).iterdir():
                indices.append(int(path.stem))
                scene = render_scene(LABELLED, indices[-1])
                assert scene.image_label == label
                assert (scene.labels == label).all()
                stored = np.asarray(Image.open(path), float)
                assert abs(stored - scene.image).mean() < 8
        assert sorted(indices) == list(range(first, first + total))


def test_the_same_options_again_write_nothing(tmp_path):
    assert write_voc(tmp_path, SMALL, **FEW)
    image = tmp_path / 'VOC2007' / 'JPEGImages' / '0000000.jpg'
    image.write_bytes(b'touched')
    assert not write_voc(tmp_path, SMALL, **{**FEW, 'workers': 2})
    assert image.read_bytes() == b'touched'


def test_other_options_are_refused_unless_forced(tmp_path):
    write_voc(tmp_path, SMALL, **FEW)
    before = contents(tmp_path)
    with pytest.raises(DatasetError, match='train: 4, now 5.*--force') as caught:
        write_voc(tmp_path, SMALL, **{**FEW, 'train': 5})
    assert '\n' not in str(caught.value)
    assert contents(tmp_path) == before
    assert write_voc(tmp_path, SMALL, **{**FEW, 'train': 5}, force=True)
    names = lines(tmp_path / 'VOC2007' / 'ImageSets' / 'Main' / 'train.txt')
    assert len(names) == 5
    assert os.listdir(tmp_path) == ['VOC2007']


@pytest.mark.parametrize('marker', [None, 'not json', '[]', '{"generator": "other"}'])
def test_a_folder_of_someone_else_is_never_touched(tmp_path, marker):
    photos = tmp_path / 'VOC2007'
    photos.mkdir()
    (photos / 'photo.jpg').write_bytes(b'mine')
    if marker is not None:
        (photos / 'scenes.json').write_text(marker)
    before = contents(tmp_path)
    for force in (False, True):
        with pytest.raises(DatasetError, match='left alone'):
            write_voc(tmp_path, SMALL, **FEW, force=force)
    assert contents(tmp_path) == before


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / 'VOC2007').mkdir()
    assert write_voc(tmp_path, SMALL, **FEW)


def fail_at(index, error):
    def render(config, k):
        if k == index:
            raise error
        return render_scene(config, k)

    return render


@pytest.mark.parametrize(
    'workers, error',
    [(1, OSError('disk full')), (2, OSError('disk full')), (1, KeyboardInterrupt())],
)
def test_a_failure_midway_leaves_nothing(tmp_path, monkeypatch, workers, error):
    monkeypatch.setattr(writers, 'render_scene', fail_at(33, error))
    out = tmp_path / 'new' / 'scenes'
    with pytest.raises(type(error)):
        write_voc(out, SMALL, train=40, val=0, test=0, workers=workers)
    assert os.listdir(tmp_path) == []


def test_a_failure_midway_keeps_the_scenes_it_was_to_replace(tmp_path, monkeypatch):
    write_voc(tmp_path, SMALL, **FEW)
    before = contents(tmp_path)
    monkeypatch.setattr(writers, 'render_scene', fail_at(5, OSError('disk full')))
    with pytest.raises(OSError, match='disk full'):
        write_voc(tmp_path, SMALL, **{**FEW, 'train': 6}, force=True)
    assert contents(tmp_path) == before


def test_marker_tells_every_option(voc):
    marker = json.loads((voc / 'scenes.json').read_text())
    assert SceneConfig(**marker['scene']) == SMALL
    assert marker['images'] == {'train': 4, 'val': 2, 'test': 3}
    assert marker['options'] == {'void_border': 0}
    assert marker['version'] == writers.VERSION


@pytest.mark.parametrize(
    'options, name',
    [
        ({'train': 0}, 'train'),
        ({'val': -1}, 'val'),
        ({'test': 1_000_001}, 'test'),
        ({'train': 2.5}, 'train'),
        ({'void_border': -1}, 'void_border'),
        ({'workers': 0}, 'workers'),
    ],
)
def test_a_bad_option_is_named_and_nothing_is_written(tmp_path, options, name):
    with pytest.raises(ConfigError, match=name):
        write_voc(tmp_path / 'out', SMALL, **{**FEW, **options})
    assert os.listdir(tmp_path) == []


def test_classification_needs_one_class_per_image(tmp_path):
    with pytest.raises(ConfigError, match='single_class'):
        write_classification(tmp_path, SMALL)
