"""Names, not numbers: wherever two lists of classes meet, they are compared."""

import json
import shutil
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from torch import nn

from reproduction.scenes import SCENE_CLASSES
from wwt_mm.guards.dataset_fit_hook import find_heads

from .conftest import MAINS
from .small import CLASSIFICATION, DETECTION, options
from .test_bad_input import edit_xml

CLASSES = tuple(SCENE_CLASSES)
OTHER = (CLASSES[1], CLASSES[0], *CLASSES[2:])
STAGES = ('train', 'val', 'test')
COCO = """
_base_ = '{base}'
coco = dict(
    _delete_=True, type='CocoDataset', data_root='{root}', ann_file='a.json',
    data_prefix=dict(img='VOC2007/JPEGImages/'), metainfo={{{{_base_.metainfo}}}})
train_dataloader = dict(dataset=dict(coco, pipeline={{{{_base_.train_pipeline}}}}))
val_dataloader = dict(dataset=dict(
    coco, pipeline={{{{_base_.test_pipeline}}}}, test_mode=True))
test_dataloader = val_dataloader
"""


def set_classes(classes, stages=STAGES):
    names = f'({",".join(classes)},)'
    return {f'{stage}_dataloader.dataset.metainfo.classes': names for stage in stages}


@pytest.fixture
def coco(root, tmp_path):
    """Writes a config for the scenes as COCO, after a change of the file's content."""

    def write(change=lambda content: None):
        path = root / 'VOC2007/ImageSets/Main/trainval.txt'
        content = dict(images=[], annotations=[], categories=[])
        for number, name in enumerate(path.read_text().split()):
            image = dict(id=number, file_name=f'{name}.jpg', width=64, height=64)
            box = dict(id=number, image_id=number, bbox=[9, 9, 20, 20], area=400)
            content['images'].append(image)
            content['annotations'].append(
                dict(box, category_id=number % 10 + 1, iscrowd=0)
            )
        content['categories'] = [
            dict(id=number, name=name) for number, name in enumerate(CLASSES, 1)
        ]
        change(content)
        (root / 'a.json').write_text(json.dumps(content))
        config = tmp_path / 'coco.py'
        config.write_text(COCO.format(base=DETECTION, root=root))
        return config

    return write


def rename(old, new):
    def change(content):
        for category in content['categories']:
            if category['name'] == old or old is None:
                category['name'] = new.format(category['name'])

    return change


def drop(key):
    return lambda content: [each.pop(key) for each in content['annotations']]


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (
            lambda content: content['categories'].reverse(),
            ('a.json', 'another order', 'triangle, ', 'set metainfo.classes to'),
        ),
        (rename('star', 'Star'), ("'star' (has 'Star')", 'number what is left anew')),
        (rename(None, 'my {}'), ("'arrow' (has 'my arrow')", 'and 5 more')),
        (rename('star', 'ring'), ("several categories named 'ring'",)),
        (drop('area'), ('annotation 1 (id 0)', 'no area', 'width * height')),
        (drop('iscrowd'), ('no iscrowd', 'iscrowd: 0')),
        (
            lambda content: content['images'][3].update(width=63),
            ('.jpg is 64 x 64 pixels', 'a.json says 63 x 64'),
        ),
    ],
)
def test_categories_of_a_file_are_compared_by_name(change, says, coco, root, fail):
    line = fail('train', coco(change), *options(root))
    for text in says:
        assert text in line.replace(', 5 more', ' and 5 more')


def test_a_file_that_fits_trains_and_names_what_is_left_out(
    coco, root, tmp_path, isolated, capsys
):
    config = coco(lambda content: content['categories'].append(dict(id=11, name='sun')))
    evaluator = {'val_evaluator.type': 'VOCMetric'}
    MAINS['train']([str(config), *options(root, **evaluator), f'--work-dir={tmp_path}'])
    printed = capsys.readouterr()
    assert "objects are left out: 'sun'" in printed.out + printed.err


def test_stages_of_a_run_are_compared(root, fail):
    for stage in ('val', 'test'):
        line = fail('train', DETECTION, *options(root, **set_classes(OTHER, (stage,))))
        assert f'the {stage} dataset have the same classes in another order' in line
        assert 'from label 0 on' in line


@pytest.fixture
def checkpoint(detector_checkpoint, tmp_path):
    content = torch.load(detector_checkpoint)
    path = tmp_path / 'of_other_order.pth'
    torch.save(dict(content, meta=dict(dataset_meta=dict(classes=OTHER))), path)
    return path


def test_classes_of_a_checkpoint_are_compared(root, checkpoint, fail):
    says = (
        'of_other_order.pth and the',
        'another order',
        'from label 0 on',
        'set meta',
    )
    for given in (
        ('test', DETECTION, checkpoint, *options(root)),
        ('train', DETECTION, *options(root, load_from=checkpoint)),
    ):
        line = fail(*given)
        for text in says:
            assert text in line


def test_own_classes_in_vocs_dataset_are_named_in_the_table(
    root, detector_checkpoint, isolated, tmp_path, capsys
):
    names = [f'{name}_of_mine' for name in CLASSES]
    for path in (root / 'VOC2007/Annotations').iterdir():
        text = path.read_text()
        for name in CLASSES:
            text = text.replace(f'<name>{name}<', f'<name>{name}_of_mine<')
        path.write_text(text)
    change = {'test_dataloader.dataset.type': 'VOCDataset'}
    change |= set_classes(names, ('test',))
    given = [DETECTION, detector_checkpoint, *options(root, **change)]
    MAINS['test']([*map(str, given), '--work-dir', str(tmp_path / 'work')])
    printed = capsys.readouterr().out
    assert '| star_of_mine ' in printed
    assert 'aeroplane' not in printed


def test_classes_are_read_from_a_file_or_told_to_be_text(root, tmp_path, fail):
    key = 'train_dataloader.dataset.metainfo.classes'
    line = fail('train', DETECTION, *options(root, **{key: 'star'}))
    assert "is the text 'star'" in line
    assert "('star',)" in line
    (tmp_path / 'names.txt').write_text('\n'.join(OTHER))
    line = fail('train', DETECTION, *options(root, **{key: tmp_path / 'names.txt'}))
    assert 'another order' in line


def test_folders_of_classes_are_compared(classification_root, tmp_path, fail):
    root = shutil.copytree(classification_root, tmp_path / 'data')
    shutil.move(root / 'val/star', tmp_path / 'star')
    line = fail('train', CLASSIFICATION, *options(root))
    assert "the val dataset lacks 'star'" in line


def test_the_size_that_annotations_tell_is_the_images(root, fail):
    edit_xml(('<width>', '</width>'), '<width>99</width>')(root)
    line = fail('train', DETECTION, *options(root))
    for text in ('.jpg is 64 x 64 pixels', '<size> of', '99 x 64'):
        assert text in line


def test_each_head_of_a_two_stage_detector_is_looked_at():
    head = Module(num_classes=20, class_agnostic=False)
    cascade = nn.ModuleList([head, Module(num_classes=80)])
    masks = Module(num_classes=3, class_agnostic=True)
    roi_head = Module(bbox_head=cascade, mask_head=masks)
    model = Module(rpn_head=Module(num_classes=1), roi_head=roi_head)
    runner = SimpleNamespace(model=model, cfg=Config(dict(default_scope='mmdet')))
    place = 'roi_head.bbox_head'
    assert find_heads(runner) == [(place, 20), (place, 80)]


class Module(nn.Module):
    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
