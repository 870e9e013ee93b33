import logging
from pathlib import Path

import pytest
from mmengine.config import Config

from wwt_mm.engine.config import find_doubtful_options, load_config
from wwt_mm.errors import ConfigError, MissingPackageError

CONFIGS = Path(__file__).parents[2] / 'configs'
VOC0712 = CONFIGS / 'mmdet' / 'wwt_det_voc0712.py'

COCO = """
data_root = 'data/coco/'
other = 'data/coco2/images'
work_dir = 'data/coco/runs'
pipeline = [dict(type='Load'), dict(type='Paste', source=data_root + 'crops')]
train_dataloader = dict(dataset=dict(type='RepeatDataset', dataset=dict(
    type='CocoDataset', data_root=data_root, ann_file='annotations/train.json',
    pipeline=pipeline)))
val_dataloader = dict(dataset=dict(type='CocoDataset', data_root='data/coco'))
val_evaluator = dict(type='CocoMetric', ann_file=data_root + 'annotations/val.json')
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3))
train_cfg = dict(by_epoch=True)
"""


@pytest.fixture
def coco(tmp_path):
    path = tmp_path / 'coco.py'
    path.write_text(COCO)
    return path


def test_a_config_without_options_is_as_mmengine_reads_it(coco):
    assert load_config(coco).to_dict() == Config.fromfile(coco).to_dict()


def test_data_root_reaches_datasets_pipelines_and_evaluators(coco):
    cfg = load_config(coco, {'data_root': '/mnt/coco'})
    train = cfg.train_dataloader.dataset.dataset
    assert cfg.data_root == '/mnt/coco'
    assert train.data_root == '/mnt/coco/'  # as the config writes it
    assert train.ann_file == 'annotations/train.json'
    assert train.pipeline[1].source == '/mnt/coco/crops'
    assert cfg.val_dataloader.dataset.data_root == '/mnt/coco'
    assert cfg.val_evaluator.ann_file == '/mnt/coco/annotations/val.json'


def test_data_root_leaves_alone_what_only_starts_with_the_same_letters(coco):
    cfg = load_config(coco, {'data_root': '/mnt/coco'})
    assert cfg.other == 'data/coco2/images'
    assert cfg.work_dir == 'data/coco/runs'


def test_an_option_for_one_dataset_wins_over_data_root(coco):
    options = {'val_dataloader.dataset.data_root': 'b', 'data_root': 'a'}
    cfg = load_config(coco, options)
    assert cfg.train_dataloader.dataset.dataset.data_root == 'a/'
    assert cfg.val_dataloader.dataset.data_root == 'b'


def test_data_root_reaches_both_years_of_the_concatenated_voc_config():
    cfg = load_config(VOC0712, {'data_root': '/mnt/voc/'})
    roots = [part.data_root for part in cfg.train_dataloader.dataset.datasets]
    roots += [
        cfg.val_dataloader.dataset.data_root,
        cfg.test_dataloader.dataset.data_root,
    ]
    assert {root.rstrip('/') for root in roots} == {'/mnt/voc'}


@pytest.mark.parametrize(
    ('option', 'unknown', 'suggestion'),
    [
        ('optim_wrapper.optimizer.learning_rate', 'learning_rate', None),
        ('optim_wrapper.optimzer.lr', 'optimzer', "'optimizer'"),
        ('optm_wrapper.optimizer.lr', 'optm_wrapper', "'optim_wrapper'"),
        ('val_evaluator.anfile', 'anfile', "'ann_file'"),
        ('pipeline.1.sorce', 'sorce', "'source'"),
        ('custom_hook', 'custom_hook', "'custom_hooks'"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(
    coco, option, unknown, suggestion
):
    (warning,) = find_doubtful_options(Config.fromfile(coco), {option: 1})
    assert f'{option!r} adds a new key {unknown!r}' in warning
    assert ('did you mean' in warning) == (suggestion is not None)
    assert (suggestion or '') in warning


def test_keys_that_the_config_or_the_runner_knows_are_not_doubtful(coco):
    options = {
        'optim_wrapper.optimizer.lr': 1.0,
        'train_dataloader.dataset.dataset.pipeline.0.type': 'Read',
        'data_root': 'x',
        'load_from': 'x.pth',
        'find_unused_parameters': True,
        'randomness.seed': 3,
    }
    assert find_doubtful_options(Config.fromfile(coco), options) == []


def test_a_variable_that_has_already_been_used_is_doubtful(coco):
    (warning,) = find_doubtful_options(Config.fromfile(coco), {'pipeline': []})
    assert "'pipeline' is only a variable" in warning


def test_an_unknown_key_is_merged_with_a_warning(coco, caplog):
    # mmengine's loggers do not propagate, which is how caplog would see them.
    from mmengine.logging import MMLogger

    MMLogger.get_current_instance().addHandler(caplog.handler)
    try:
        cfg = load_config(coco, {'train_cfg.max_epoch': 3})
    finally:
        MMLogger.get_current_instance().removeHandler(caplog.handler)
    assert cfg.train_cfg.max_epoch == 3
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "new key 'max_epoch' to train_cfg" in caplog.text


@pytest.mark.parametrize('option', ['pipeline.7.type', 'data_root.x', 'pipeline.0'])
def test_an_option_that_does_not_fit_is_an_error_in_one_line(coco, option):
    with pytest.raises(ConfigError, match='--cfg-options do not fit') as error:
        load_config(coco, {option: 1})
    assert '\n' not in str(error.value)


def test_a_misspelt_config_file_is_an_error_with_the_nearest_one():
    with pytest.raises(ConfigError) as error:
        load_config(CONFIGS / 'mmdet' / 'wwt_det_voc7.py')
    assert 'no config file at' in str(error.value)
    assert str(error.value).endswith("wwt_det_voc07.py'?")


def test_the_reason_why_a_custom_import_failed_is_told(tmp_path, monkeypatch):
    package = tmp_path / 'needs_a_library.py'
    package.write_text(
        'from wwt_mm.errors import MissingPackageError\n'
        "raise MissingPackageError('mmdet is missing: pip install wwt-mm[det]')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = tmp_path / 'config.py'
    config.write_text(
        "custom_imports = dict(imports=['needs_a_library'], "
        'allow_failed_imports=False)\n'
    )
    with pytest.raises(MissingPackageError, match='pip install'):
        load_config(config)


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ("_base_ = 'none.py'", 'none.py'),
        ('model = dict(', 'SyntaxError'),
        ('model = nothing', "name 'nothing' is not defined"),
    ],
)
def test_a_config_that_cannot_be_read_is_told_in_one_line(text, says, tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(text)
    with pytest.raises(ConfigError, match=says) as error:
        load_config(path)
    assert str(path) in str(error.value) and '\n' not in str(error.value)


def test_what_only_our_tools_read_is_no_doubtful_option():
    cfg = load_config(CONFIGS / 'mmpretrain' / 'wwt_micro_tinyimagenet.py')
    assert not find_doubtful_options(cfg, {'slot_regions.threshold': 0.5})
