from pathlib import Path

import pytest
from mmengine.config import Config

from wwt_mm.engine import load_config
from wwt_mm.errors import DatasetError
from wwt_mm.guards import check_datasets

REPOSITORY = Path(__file__).parents[2]
DETECTION = REPOSITORY / 'configs' / 'mmdet' / 'wwt_det_voc07.py'


def voc(root, **changes):
    return dict(
        type='VOCDataset',
        data_root=str(root),
        ann_file='VOC2007/ImageSets/Main/trainval.txt',
        data_prefix=dict(sub_data_root='VOC2007/'),
        **changes,
    )


def check(dataset, stage='train'):
    dataloader = {f'{stage}_dataloader': dict(dataset=dataset)}
    check_datasets(Config(dataloader), ('train', 'val', 'test'))


def test_the_detection_config_accepts_the_scenes(scenes_root):
    cfg = load_config(DETECTION, {'data_root': str(scenes_root)})
    check_datasets(cfg, ('train', 'val', 'test'))


def test_a_missing_root_is_one_line_with_path_config_and_docs(tmp_path):
    cfg = load_config(DETECTION, {'data_root': str(tmp_path / 'nowhere')})
    with pytest.raises(DatasetError) as error:
        check_datasets(cfg, ('train',))
    message = str(error.value)
    assert '\n' not in message
    assert f'no data_root folder at {tmp_path}/nowhere' in message
    assert 'wwt_det_voc07.py' in message
    assert 'docs/datasets.md' in message
    assert '--cfg-options data_root=' in message


@pytest.mark.parametrize('stage', ['train', 'val', 'test'])
def test_each_dataloader_is_looked_at(tmp_path, stage):
    with pytest.raises(DatasetError, match=f'the {stage} dataset'):
        check(voc(tmp_path / 'nowhere'), stage)


def test_only_the_stages_asked_for_are_looked_at(tmp_path):
    cfg = Config(dict(test_dataloader=dict(dataset=voc(tmp_path / 'nowhere'))))
    check_datasets(cfg, ('train', 'val'))


@pytest.mark.parametrize(
    'wrap',
    [
        lambda data: dict(type='RepeatDataset', times=2, dataset=data),
        lambda data: dict(type='ClassBalancedDataset', dataset=data),
        lambda data: dict(type='MultiImageMixDataset', dataset=data, pipeline=[]),
        lambda data: dict(type='ConcatDataset', datasets=[dict(type='Any'), data]),
        lambda data: dict(
            type='RepeatDataset', dataset=dict(type='ConcatDataset', datasets=[data])
        ),
        lambda data: dict(type='CBDataset', dataset=[data]),
    ],
)
def test_wrapped_datasets_are_looked_at(tmp_path, wrap):
    with pytest.raises(DatasetError, match='no data_root folder'):
        check(wrap(voc(tmp_path / 'nowhere')))


@pytest.mark.parametrize(
    ('missing', 'message'),
    [
        ('ImageSets/Main/trainval.txt', 'no ann_file at'),
        ('JPEGImages', 'no img_subdir folder at'),
        ('Annotations', 'no ann_subdir folder at'),
    ],
)
def test_a_missing_part_of_the_voc_layout_is_named(tmp_path, missing, message):
    root = tmp_path / 'VOC2007'
    for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (root / folder).mkdir(parents=True)
    (root / 'ImageSets/Main/trainval.txt').write_text('000001\n')
    check(voc(tmp_path))
    part = root / missing
    part.unlink() if part.is_file() else part.rmdir()
    with pytest.raises(DatasetError) as error:
        check(voc(tmp_path))
    assert f'{message} {part}' in str(error.value)


def test_an_empty_list_of_images_is_an_error(tmp_path):
    lists = tmp_path / 'VOC2007' / 'ImageSets' / 'Main'
    lists.mkdir(parents=True)
    (lists / 'trainval.txt').touch()
    with pytest.raises(DatasetError, match='trainval.txt is empty'):
        check(voc(tmp_path))


def test_folders_of_segmentation_and_classification_are_looked_at(tmp_path):
    (tmp_path / 'JPEGImages').mkdir()
    prefixes = dict(img_path='JPEGImages', seg_map_path='SegmentationClass')
    data = dict(type='PascalVOCDataset', data_root=str(tmp_path))
    with pytest.raises(DatasetError, match='no seg_map_path folder'):
        check(dict(**data, data_prefix=prefixes))
    with pytest.raises(DatasetError, match='no data_prefix folder'):
        check(dict(type='ImageNet', data_root=str(tmp_path), data_prefix='train'))


@pytest.mark.parametrize(
    'dataset',
    [
        dict(type='CIFAR10', data_root='/nowhere', data_prefix='x'),
        dict(type='CocoDataset', data_root='s3://bucket/coco/', ann_file='a.json'),
        dict(
            type='CocoDataset',
            data_root='/nowhere',
            backend_args=dict(backend='petrel'),
        ),
        dict(type='Generated'),
    ],
)
def test_what_cannot_be_known_beforehand_is_left_alone(dataset):
    check(dataset)


def test_a_dataset_that_must_not_download_is_looked_at():
    with pytest.raises(DatasetError):
        check(dict(type='CIFAR10', data_root='/nowhere', download=False))
