"""Label maps are read as they are, and errors name the file."""

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmseg.datasets import BaseSegDataset
from mmseg.registry import TRANSFORMS
from PIL import Image

from wwt_mm.errors import ConfigError, DatasetError


def load(path, transform=None, **results):
    transform = transform or dict(num_classes=21)
    results = (
        dict(seg_map_path=str(path), seg_fields=[], label_map=None)
        | dict(reduce_zero_label=False)
        | results
    )
    return TRANSFORMS.build(dict(type='LoadSegMap', **transform))(results)['gt_seg_map']


def save(path, labels, mode='L', **options):
    image = Image.fromarray(np.asarray(labels, np.uint8))
    if mode == 'P':
        image.putpalette(list(range(256)) * 3)
    image.save(path, **options)
    return path


LABELS = [[0, 3, 255], [20, 1, 0]]


@pytest.mark.parametrize('mode', ['L', 'P'])
def test_labels_are_the_indices_of_a_grey_or_palette_image(tmp_path, mode):
    labels = load(save(tmp_path / 'map.png', LABELS, mode))
    assert labels.tolist() == LABELS
    assert labels.dtype == np.uint8


def test_ids_over_255_are_decoded_from_red_and_green(tmp_path):
    pixels = np.zeros((1, 4, 3), np.uint8)
    pixels[0, :, :2] = [(0, 0), (7, 0), (0x97, 0x03), (0xE8, 0x03)]
    pixels[..., 2] = 99  # blue means nothing
    path = save(tmp_path / 'map.png', pixels)
    how = dict(num_classes=920, ignore_index=1000, encoding='rgb_id')
    assert load(path, how).tolist() == [[0, 7, 919, 1000]]


def test_the_zero_label_can_be_dropped(tmp_path):
    path = save(tmp_path / 'map.png', LABELS)
    assert load(path, reduce_zero_label=True).tolist() == [
        [255, 2, 255],
        [19, 0, 255],
    ]


@pytest.mark.parametrize('reduce', [False, True])
def test_a_subset_of_classes_gets_the_labels_of_mmsegs_own_loader(tmp_path, reduce):
    names = list('abcd')

    class Dataset(BaseSegDataset):
        METAINFO = dict(classes=names, palette=[[i] * 3 for i in range(4)])

    save(tmp_path / 'map.png', [[0, 1, 2, 3, 4 if reduce else 0, 255]] * 2)
    dataset = Dataset(
        data_prefix=dict(img_path=str(tmp_path), seg_map_path=str(tmp_path)),
        img_suffix='.png',
        seg_map_suffix='.png',
        reduce_zero_label=reduce,
        metainfo=dict(classes=['d', 'b']),
    )
    info = dataset.get_data_info(0) | dict(num_classes=2)
    maps = [
        TRANSFORMS.build(dict(type=kind))(dict(info, seg_fields=[]))['gt_seg_map']
        for kind in ('LoadAnnotations', 'LoadSegMap')
    ]
    expected = [[255, 255, 1, 255, 0, 255], [255, 1, 255, 0, 255, 255]][not reduce]
    assert maps[0].tolist() == maps[1].tolist() == [expected] * 2


def test_labels_can_be_mapped_to_other_classes(tmp_path):
    path = save(tmp_path / 'map.png', [[0, 1, 2, 255]])
    label_map = {0: 0, 1: 255, 2: 1}
    assert load(path, label_map=label_map).tolist() == [[0, 255, 1, 255]]


def test_a_missing_label_map_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r'no label map at .*gone\.png.*ann_file'):
        load(tmp_path / 'gone.png')


@pytest.mark.parametrize('content', [b'', b'not a png', None])
def test_a_damaged_label_map_is_named(tmp_path, content):
    path = save(tmp_path / 'broken.png', np.random.randint(0, 20, (64, 64)))
    if content is None:  # cut off in the middle
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r'broken\.png cannot be read'):
        load(path)


def test_a_label_out_of_range_is_named_with_its_place(tmp_path):
    path = save(tmp_path / 'map.png', [[0, 1], [1, 77]])
    with pytest.raises(DatasetError, match=r'map\.png holds 77 at pixel \(1, 1\)'):
        load(path)


def test_a_label_map_of_another_size_than_its_image_is_named(tmp_path):
    path = save(tmp_path / 'map.png', LABELS)
    with pytest.raises(DatasetError, match=r'map\.png is 3 x 2 pixels .*a\.jpg 2 x 3'):
        load(path, ori_shape=(3, 2), img_path='a.jpg')


def test_a_label_map_in_colours_is_refused_with_advice(tmp_path):
    path = save(tmp_path / 'map.png', np.zeros((2, 2, 3)))
    with pytest.raises(DatasetError, match='mode RGB, not indices: convert'):
        load(path)


def test_an_index_map_where_ids_in_colours_are_due_is_refused(tmp_path):
    path = save(tmp_path / 'map.png', LABELS)
    with pytest.raises(DatasetError, match='mode L, not RGB'):
        load(path, dict(num_classes=21, encoding='rgb_id'))


def test_an_unknown_encoding_is_named():
    with pytest.raises(ConfigError, match="encoding='rle'"):
        load('', dict(encoding='rle'))


@pytest.mark.parametrize('ignore_index', [255, 1000])
def test_loaded_maps_pass_through_the_augmentations_of_the_configs(
    tmp_path, shrunk_config, ignore_index
):
    """OpenCV resizes few types of arrays."""
    cfg = shrunk_config()
    encoding = 'index' if ignore_index == 255 else 'rgb_id'
    labels = np.full((40, 60), 5) if ignore_index == 255 else np.full((40, 60, 3), 1)
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / 'image.png')
    save(tmp_path / 'map.png', labels)
    results = dict(
        img_path=str(tmp_path / 'image.png'),
        seg_map_path=str(tmp_path / 'map.png'),
        seg_fields=[],
        label_map=None,
        reduce_zero_label=False,
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        for step in cfg.train_pipeline:
            if step.type == 'LoadSegMap':
                step.update(
                    num_classes=921, ignore_index=ignore_index, encoding=encoding
                )
            results = TRANSFORMS.build(step)(results)
    label = 5 if ignore_index == 255 else 257
    assert (results['data_samples'].gt_sem_seg.data == label).all()


def test_image_labels_are_the_classes_of_the_map_without_background_and_void():
    add = TRANSFORMS.build(dict(type='AddImageLabels'))
    results = add(dict(gt_seg_map=np.array([[0, 7, 7], [255, 2, 0]], np.uint8)))
    assert results['image_labels'] == (2, 7)


def test_the_number_of_classes_is_no_label(tmp_path):
    with pytest.raises(DatasetError, match='holds 21 at'):
        load(save(tmp_path / 'map.png', [[0, 21]]))
