"""Tiny-ImageNet in its official layout, for mmpretrain and for mmdet."""

import shutil

import pytest
import torch
from mmengine.registry import DATASETS, MODELS, DefaultScope

import wwt_mm.discovery  # noqa: F401  registers mmdet's transforms
from tests.tool_process import REPOSITORY
from wwt_mm.datasets.tiny_imagenet import TinyImageNet
from wwt_mm.engine import load_config, test, train
from wwt_mm.errors import ConfigError, DatasetError

from .small_tiny_imagenet import write_tiny_imagenet

CONFIGS = REPOSITORY / 'configs' / 'mmpretrain'
DISCOVERY = REPOSITORY / 'configs' / 'mmdet' / 'discovery'


@pytest.fixture
def root(tmp_path):
    return write_tiny_imagenet(tmp_path / 'tiny')


def test_training_images_have_the_class_of_their_folder_and_a_box(root):
    dataset = TinyImageNet(str(root))
    assert len(dataset) == 12
    sample = dataset.get_data_info(5)
    assert sample['img_path'] == f'{root}/train/n02/images/n02_1.JPEG'
    assert sample['img_id'] == 'n02_1' and sample['gt_label'] == 1
    # Left 5, top 8, 20 x 16 pixels: right and lower side excluded.
    (instance,) = sample['instances']
    assert instance == dict(bbox=[5, 8, 25, 24], bbox_label=1, ignore_flag=0)


def test_validation_images_come_in_the_order_of_their_list(root):
    dataset = TinyImageNet(str(root), split='val')
    samples = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert [s['img_id'] for s in samples] == [f'val_{i}' for i in (5, 4, 3, 2, 1, 0)]
    assert [s['gt_label'] for s in samples] == [2, 2, 1, 1, 0, 0]
    assert samples[1]['instances'][0]['bbox'] == [4, 8, 24, 24]


def test_classes_are_first_names_told_apart_where_they_are_the_same(root):
    classes = TinyImageNet(str(root)).metainfo['classes']
    assert classes == ('crane (n01)', 'crane (n02)', 'tabby')


def test_boxes_can_be_those_of_one_class(root):
    dataset = TinyImageNet(str(root), class_agnostic=True)
    assert dataset.metainfo['classes'] == ('object',)
    sample = dataset.get_data_info(11)
    assert sample['instances'][0]['bbox_label'] == 0 and sample['gt_label'] == 2


def test_a_part_of_the_class_folders_is_a_dataset_of_these_classes(root):
    shutil.rmtree(root / 'train' / 'n02')
    assert TinyImageNet(str(root)).metainfo['classes'] == ('crane', 'tabby')
    dataset = TinyImageNet(str(root), split='val')
    samples = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert [s['gt_label'] for s in samples] == [1, 1, 0, 0]


def test_mmdet_reads_its_boxes(root):
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='PackDetInputs'),
    ]
    with DefaultScope.overwrite_default_scope('mmdet'):
        cfg = dict(type='TinyImageNet', data_root=str(root), pipeline=pipeline)
        sample = DATASETS.build(cfg)[0]['data_samples']
    assert sample.gt_instances.bboxes.tensor.tolist() == [[4, 8, 24, 24]]
    assert sample.gt_instances.labels.tolist() == [0]
    assert (sample.img_id, sample.ori_shape) == ('n01_0', (64, 64))


@pytest.mark.parametrize(
    'path, content, message',
    [
        ('train', None, 'no folder .*train'),
        ('train/n02/n02_boxes.txt', None, 'no file .*n02_boxes.txt'),
        ('train/n02/images/n02_3.JPEG', None, r'boxes.txt:4: no image .*n02_3.JPEG'),
        ('train/n02/images', None, r'boxes.txt:1: no image .*n02_0.JPEG'),
        ('val/val_annotations.txt', None, 'no file .*val_annotations.txt'),
        ('words.txt', None, 'no file .*words.txt'),
        ('words.txt', 'n01\tcrane\nn03\ttabby\n', 'no name for 1 of 3 .* n02'),
        ('val/val_annotations.txt', 'val_1.JPEG\tn01\t1\t2\t3\n', ':1: .* 6 columns'),
        ('val/val_annotations.txt', 'val_1.JPEG\tn01\t1\t2\t3\tx\n', ':1: .*box'),
        ('val/val_annotations.txt', 'val_1.JPEG\tn01\t9\t2\t3\t8\n', ':1: .*box'),
    ],
)
def test_what_is_missing_or_malformed_is_named(root, path, content, message):
    if content is not None:
        (root / path).write_text(content)
    elif (root / path).is_dir():
        shutil.rmtree(root / path)
    else:
        (root / path).unlink()
    with pytest.raises(DatasetError, match=message) as error:
        for split in ('train', 'val'):
            TinyImageNet(str(root), split=split)
    assert 'docs/datasets.md#tiny-imagenet' in str(error.value)


def test_there_are_two_splits(root):
    with pytest.raises(ConfigError, match="split='test'"):
        TinyImageNet(str(root), split='test')


def test_a_step_takes_a_part_of_each_class(root):
    dataset = TinyImageNet(str(root), step=2)
    ids = [dataset.get_data_info(index)['img_id'] for index in range(len(dataset))]
    assert ids == ['n01_0', 'n01_2', 'n02_0', 'n02_2', 'n03_0', 'n03_2']
    with pytest.raises(ConfigError, match='step=0'):
        TinyImageNet(str(root), step=0)


def small(root, **options):
    loaders = {}
    for stage in ('train', 'val', 'test'):
        loaders[f'{stage}_dataloader.num_workers'] = 0
        loaders[f'{stage}_dataloader.persistent_workers'] = False
    return {
        'data_root': str(root),
        'train_dataloader.batch_size': 6,
        'model.data_preprocessor.num_classes': 3,
        'model.head.num_classes': 3,
        'train_cfg.max_epochs': 1,
        'val_evaluator.topk': 1,
        **loaders,
        **options,
    }


@pytest.mark.parametrize('name', ['wwt', 'vit'])
def test_the_micro_models_train_and_validate(root, tmp_path, name):
    arguments = [str(CONFIGS / f'{name}_micro_tinyimagenet.py'), '--amp']
    options = [f'{key}={value}' for key, value in small(root).items()]
    arguments += ['--work-dir', str(tmp_path / 'run'), '--cfg-options', *options]
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        train.main(arguments)
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()


@pytest.mark.parametrize('name', ['wwt_det', 'wwt_det_tokens'])
def test_detectors_of_its_boxes_train_and_validate(root, tmp_path, name):
    config = CONFIGS.parent / 'mmdet' / f'{name}_micro_tinyimagenet.py'
    loaders = {k: v for k, v in small(root).items() if 'dataloader' in k}
    options = {'data_root': root, 'load_from': None, 'train_cfg.max_epochs': 1}
    options |= loaders
    arguments = [str(config), '--amp', '--work-dir', str(tmp_path / 'run')]
    arguments += ['--cfg-options', *(f'{k}={value}' for k, value in options.items())]
    with DefaultScope.overwrite_default_scope('mmdet'):
        train.main(arguments)
    assert (tmp_path / 'run' / 'best_pascal_voc_mAP_epoch_1.pth').is_file()


def test_training_images_are_shifted_mirrored_and_of_64_pixels(root):
    cfg = load_config(CONFIGS / 'wwt_micro_tinyimagenet.py', small(root))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        # The last epoch's: those before see crops.
        cfg.train_dataloader.dataset.pipeline = cfg.train_pipeline
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        # Where the bright rectangle's left side lies: 4 +- 8, or mirrored.
        firsts = set()
        for _ in range(100):
            image = dataset[0]['inputs']
            assert image.shape == (3, 64, 64)
            firsts.add(int((image[0].float().mean(0) > 70).float().argmax()))
    assert max(firsts) > 40 and len(firsts) > 15


def test_data_that_is_not_there_is_explained(tmp_path):
    arguments = [str(CONFIGS / 'wwt_micro_tinyimagenet.py')]
    arguments += ['--work-dir', str(tmp_path), '--cfg-options', 'data_root=nowhere']
    with pytest.raises(DatasetError, match='as docs/datasets.md says'):
        train.main(arguments)


@pytest.mark.parametrize('name, method', [('wwt', 'CentreBox'), ('vit', 'RandomBoxes')])
def test_its_small_objects_are_discovered(root, tmp_path, name, method):
    options = {
        'data_root': root,
        'test_dataloader.num_workers': 0,
        'test_dataloader.persistent_workers': False,
        'model.method.type': method,
    }
    if method == 'RandomBoxes':
        options['model.method.method.type'] = 'LOST'
    cfg = DISCOVERY / f'discovery_{name}_tinyimagenet.py'
    classifier = load_config(CONFIGS / f'{name}_micro_tinyimagenet.py').model
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        weights = MODELS.build(classifier).state_dict()
    untrained = tmp_path / 'untrained.pth'
    torch.save(dict(state_dict=weights), untrained)
    arguments = [str(cfg), str(untrained), '--work-dir', str(tmp_path / 'run')]
    arguments += ['--cfg-options', *(f'{k}={value}' for k, value in options.items())]
    with DefaultScope.overwrite_default_scope('mmdet'):
        metrics = test.main(arguments)
    # A box of the whole image covers ten times as much as each object.
    assert metrics['discovery/num_images'] == 6 == metrics['all/num_images']
    assert metrics['discovery/num_predictions'] == 1
    if name == 'wwt':
        assert metrics['discovery/corloc'] == 0
