"""Each config of configs/mmseg loads, builds, and differs only where it should."""

from pathlib import Path

import mmseg
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS

from reproduction.scenes import SCENE_CLASSES
from wwt_mm.engine import load_config

from .conftest import CONFIGS

NAMES = sorted(
    str(path.relative_to(CONFIGS).with_suffix(''))
    for folder in ('', 'ocl', 'weak')
    for path in CONFIGS.joinpath(folder).glob('*.py')
)


def load(name):
    return load_config(CONFIGS / f'{name}.py')


@pytest.mark.parametrize('name', NAMES)
def test_config_builds_its_model(name):
    cfg = load(name)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        MODELS.build(cfg.model)


@pytest.mark.parametrize('name', NAMES)
def test_config_can_be_dumped_and_read_again(name, tmp_path):
    cfg = load(name)
    cfg.dump(tmp_path / 'dumped.py')
    assert load_config(tmp_path / 'dumped.py').to_dict() == cfg.to_dict()


def test_wwt_small_with_its_head_is_what_the_paper_compares():
    cfg = load('wwt_seg_voc12aug')
    assert cfg.model.backbone.arch == 'small'
    assert tuple(cfg.crop_size) == (512, 512)
    assert tuple(cfg.model.data_preprocessor.size) == (512, 512)


@pytest.mark.parametrize('name', ['wwt_seg', 'wwt_seg_tokens', 'fcn_r50'])
def test_rows_of_table_6_have_a_variant_without_the_labels_of_sbd(name):
    row, variant = (load(f'{name}_{data}').to_dict() for data in ('voc12aug', 'voc12'))
    assert {k for k in row | variant if row.get(k) != variant.get(k)} == {
        'train_dataloader'
    }
    parts = row['train_dataloader']['dataset']['datasets']
    assert [(d['ann_file'], d['data_prefix']['seg_map_path']) for d in parts] == [
        ('VOC2012/ImageSets/Segmentation/train.txt', 'VOC2012/SegmentationClass'),
        ('VOC2012/ImageSets/Segmentation/aug.txt', 'VOC2012/SegmentationClassAug'),
    ]
    assert variant['train_dataloader']['dataset'] == parts[0]


@pytest.mark.parametrize('data', ['voc12aug', 'voc12', 'scenes', 'micro_voc12'])
def test_the_token_counterpart_differs_in_its_head_only(data):
    base, tokens = (load(f'wwt_seg_{name}').model for name in (data, f'tokens_{data}'))
    assert {k for k in base if base[k] != tokens[k]} == {'decode_head'}
    heads = base.decode_head, tokens.decode_head
    assert heads[1].type == 'TokenReassembleHead'
    for option in ('loss_decode', 'num_classes', 'ignore_index', 'channels', 'stride'):
        assert heads[0].get(option) == heads[1].get(option)


def test_fcn_is_mmsegs_own():
    ours = load('fcn_r50_voc12aug')
    name = 'fcn_r50-d8_4xb4-20k_voc12aug-512x512.py'
    theirs = Config.fromfile(Path(mmseg.__file__).parent / '.mim/configs/fcn' / name)
    model = theirs.model.to_dict()
    assert model.pop('pretrained') == 'open-mmlab://resnet50_v1c'
    init_cfg = ours.model.backbone.pop('init_cfg')
    assert init_cfg == dict(type='Pretrained', checkpoint='data/resnet50_v1c.pth')
    assert ours.model.to_dict() == model
    assert ours.optim_wrapper.optimizer == theirs.optim_wrapper.optimizer
    assert ours.optim_wrapper.get('clip_grad') is None
    assert ours.param_scheduler == theirs.param_scheduler
    assert ours.train_cfg == theirs.train_cfg
    assert (
        ours.train_dataloader.batch_size * 8 == 4 * theirs.train_dataloader.batch_size
    )
    steps = [step for step in ours.train_pipeline if step.type != 'LoadSegMap']
    others = ('LoadAnnotations', 'Pad')  # of theirs
    assert steps == [step for step in theirs.train_pipeline if step.type not in others]
    for head in ('wwt_seg', 'wwt_seg_tokens'):  # pixels are averaged alike
        loss = load(f'{head}_voc12aug').model.decode_head.loss_decode
        assert loss == dict(type='CrossEntropyLoss', use_sigmoid=False)


def test_baselines_of_table_2_share_all_but_the_model():
    base = load('weak/wwt_tiny_weak_imagenets50')
    for name in (
        'weak/deit_tiny_attention_weak_imagenets50',
        'weak/deit_tiny_rollout_weak_imagenets50',
    ):
        other = load(name)
        for key in ('test_dataloader', 'test_evaluator'):
            assert other[key] == base[key]
        for key in ('threshold', 'classes_from', 'class_map', 'data_preprocessor'):
            assert other.model[key] == base.model[key]


@pytest.mark.parametrize('subset', [50, 300, 919])
def test_subsets_of_imagenet_s_agree_within_their_config(subset):
    cfg = load(f'weak/wwt_tiny_weak_imagenets{subset}')
    assert cfg.model.num_classes == cfg.model.class_map.subset == subset
    assert cfg.test_dataloader.dataset.subset == subset
    assert cfg.test_dataloader.dataset.data_root == f'data/ImageNetS{subset}/'


def test_scenes_have_the_classes_of_their_generator():
    classes = load('weak/wwt_weak_scenes').test_dataloader.dataset.metainfo.classes
    assert tuple(classes) == ('background', *SCENE_CLASSES)
