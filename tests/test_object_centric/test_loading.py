"""Maps of objects and classes: of VOC and COCO."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmdet.structures.mask import BitmapMasks
from mmengine.registry import DATASETS, TRANSFORMS
from PIL import Image
from torchvision.transforms.functional import center_crop

from wwt_mm.engine import load_config
from wwt_mm.errors import DatasetError
from wwt_mm.object_centric import ObjectMasksDataset

from .conftest import CONFIGS


def transform(kind, results, **options):
    return TRANSFORMS.build(dict(type=kind, **options))(results)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return str(path)


@pytest.fixture
def voc(tmp_path):
    """One image in VOC's layout, 2 x 3 pixels."""
    save(tmp_path / 'images/a.jpg', np.zeros((2, 3, 3)))
    save(tmp_path / 'classes/a.png', [[0, 7, 255], [7, 7, 0]])
    save(tmp_path / 'objects/a.png', [[0, 1, 255], [2, 2, 0]])
    (tmp_path / 'list.txt').write_text('a\n')
    return ObjectMasksDataset(
        data_root=str(tmp_path),
        data_prefix=dict(
            img_path='images', seg_map_path='classes', instance_map_path='objects'
        ),
        ann_file='list.txt',
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadObjectMaps'),
            dict(type='PackObjectInputs'),
        ],
    )


def test_both_maps_of_voc_are_read_as_they_are(voc):
    sample = voc[0]['data_samples']
    assert sample.gt_sem_seg.data.tolist() == [[[0, 7, 255], [7, 7, 0]]]
    assert sample.gt_instance_map.data.tolist() == [[[0, 1, 255], [2, 2, 0]]]


def test_a_missing_map_of_objects_is_named(voc, tmp_path):
    (tmp_path / 'objects/a.png').unlink()
    with pytest.raises(DatasetError, match=r'no label map at .*objects.a\.png'):
        voc[0]


def coco(masks, labels, crowds=None):
    masks = np.asarray(masks, np.uint8)
    return dict(
        gt_masks=BitmapMasks(masks, *masks.shape[1:]),
        gt_bboxes_labels=np.asarray(labels),
        gt_ignore_flags=np.asarray(crowds or [False] * len(masks)),
    )


def test_shared_pixels_of_coco_are_void_for_objects_and_of_the_highest_class():
    results = coco([[[1, 1, 0, 0]], [[0, 1, 1, 0]]], labels=[9, 4])
    results = transform('MasksToObjectMaps', results)
    assert results['gt_instance_map'].tolist() == [[1, 255, 2, 0]]
    assert results['gt_seg_map'].tolist() == [[10, 10, 5, 0]]


def test_crowds_and_empty_masks_are_no_objects():
    masks = [[[1, 1, 0]], [[0, 0, 0]], [[0, 1, 0]]]
    results = coco(masks, labels=[0, 1, 2], crowds=[True, False, False])
    results = transform('MasksToObjectMaps', results)
    assert results['gt_instance_map'].tolist() == [[0, 1, 0]]
    assert results['gt_seg_map'].tolist() == [[0, 3, 0]]


def test_images_of_coco_may_be_without_objects():
    results = coco(np.zeros((0, 2, 2)), labels=np.zeros(0, int))
    results = transform('MasksToObjectMaps', results)
    assert not results['gt_instance_map'].any() and not results['gt_seg_map'].any()


def test_more_objects_than_a_map_can_hold_are_an_error():
    with pytest.raises(DatasetError, match='255 objects'):
        transform('MasksToObjectMaps', coco(np.ones((255, 1, 1)), [0] * 255))


@pytest.mark.parametrize('shape', [(37, 50), (61, 40), (33, 33), (32, 34)])
def test_maps_are_resized_and_cropped_as_torchvision_does(shape):
    maps = np.random.default_rng(0).integers(0, 5, shape).astype(np.uint8)
    results = dict(gt_instance_map=maps, gt_seg_map=maps + 1)
    results = transform('CropObjectMaps', results, size=48)
    scale = 48 / min(shape)
    resized = F.interpolate(
        torch.from_numpy(maps)[None, None],
        [48 if side == min(shape) else int(side * scale) for side in shape],
        mode='nearest-exact',
    )
    expected = center_crop(resized, [48, 48])[0, 0].numpy()
    assert np.array_equal(results['gt_instance_map'], expected)
    assert np.array_equal(results['gt_seg_map'], expected + 1)
    assert results['map_shape'] == (48, 48)


@pytest.mark.parametrize('name', ['wwt_micro', 'wwt', 'slot_attention'])
@pytest.mark.parametrize('shape', [(200, 300), (300, 200)])
def test_network_and_maps_see_the_same_part_of_an_image(name, shape, tmp_path):
    half = np.zeros(shape, np.uint8)  # the object: white, cut aslant
    half[np.add.outer(np.arange(shape[0]), np.arange(shape[1])) > 180] = 1
    save(tmp_path / 'VOC2012/JPEGImages/a.jpg', np.stack([half * 255] * 3, -1))
    for folder in ('SegmentationClass', 'SegmentationObject'):
        save(tmp_path / f'VOC2012/{folder}/a.png', half)
    for listed in ('val', 'val_instances'):
        path = tmp_path / f'VOC2012/ImageSets/Segmentation/{listed}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('a\n')
    cfg = load_config(CONFIGS / f'ocl_{name}_voc12.py', dict(data_root=str(tmp_path)))
    item = DATASETS.build(cfg.test_dataloader.dataset)[0]
    sample = item['data_samples']
    seen = F.interpolate(item['inputs'][None].float(), sample.map_shape)[0, 0] > 127
    assert (seen == sample.gt_instance_map.data[0].bool()).float().mean() > 0.97


@pytest.fixture
def coco_root(tmp_path):
    """COCO's layout with one image of 60 x 40 pixels: a thing and nothing."""
    save(tmp_path / 'val2017/000000000007.jpg', np.full((40, 60, 3), 90))
    image = dict(id=7, file_name='000000000007.jpg', height=40, width=60)
    dog = dict(id=1, image_id=7, category_id=18, iscrowd=0, area=600)
    square = dict(
        bbox=[10, 10, 30, 20], segmentation=[[10, 10, 40, 10, 40, 30, 10, 30]]
    )
    content = dict(
        images=[image],
        annotations=[dog | square],
        categories=[dict(id=18, name='dog')],
    )
    path = tmp_path / 'annotations/instances_val2017.json'
    path.parent.mkdir()
    path.write_text(json.dumps(content))
    return tmp_path


def test_coco_gives_the_objects_of_the_centre_crop(coco_root):
    cfg = load_config(CONFIGS / 'ocl_wwt_coco.py', dict(data_root=str(coco_root)))
    item = DATASETS.build(cfg.test_dataloader.dataset)[0]
    assert item['inputs'].shape == (3, 224, 224)
    sample = item['data_samples']
    objects = sample.gt_instance_map.data[0]
    # 40 x 40 pixels in the middle, 8 times larger: the object reaches from 0 to 30
    inside = torch.zeros(320, 320, dtype=torch.bool)
    inside[80:240, :240] = True
    share = ((objects == 1) == inside).float().mean()
    assert share > 0.99  # polygons cover their border or not
    labels = sample.gt_sem_seg.data[0]
    assert labels[objects == 1].unique().numel() == 1
    assert (objects[~inside] == 0).float().mean() > 0.98
