"""What a user can get wrong: each ends in one line with where, what and what to do."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from .small import CLASSIFICATION, DETECTION, SEGMENTATION, Program, arch, options

LISTS = 'VOC2007/ImageSets/Main/trainval.txt'
BACKBONE = 'model.backbone.'
TRAIN = 'train_dataloader.'
IMAGES, LABELS = 'VOC2007/JPEGImages', 'VOC2007/SegmentationClass'


def first(root, folder=IMAGES, suffix='.jpg', split='Main/trainval'):
    """The file of the first image that a list names."""
    names = (root / f'VOC2007/ImageSets/{split}.txt').read_text().split()
    return root / folder / (names[0] + suffix)


def edit_xml(old, new):
    def spoil(root):
        path = first(root, 'VOC2007/Annotations', '.xml')
        text = path.read_text()
        start, end = old
        begin = text.index(start)
        stop = text.index(end, begin) + len(end)
        path.write_text(text[:begin] + new + text[stop:])

    return spoil


def box(x1, y1, x2, y2):
    sides = zip(('xmin', 'ymin', 'xmax', 'ymax'), (x1, y1, x2, y2), strict=True)
    text = ''.join(f'<{name}>{value}</{name}>' for name, value in sides)
    return edit_xml(('<bndbox>', '</bndbox>'), f'<bndbox>{text}</bndbox>')


def write_list(content):
    def spoil(root):
        (root / LISTS).write_bytes(content)

    return spoil


def remove(path):
    def spoil(root):
        target = root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return spoil


def label_map(pixels=None, content=None):
    def spoil(root):
        path = first(root, LABELS, '.png', 'Segmentation/trainval')
        if content is not None:
            path.write_bytes(content)
        elif pixels is None:
            path.unlink()
        else:
            assert cv2.imwrite(str(path), pixels)

    return spoil


def spoil_all(folder, change):
    def spoil(root):
        for path in sorted((root / folder).iterdir()):
            change(path)

    return spoil


def cut_one(folder):
    path = next(folder.iterdir())
    path.write_bytes(path.read_bytes()[:-9])


def nothing(root):
    pass


@dataclass
class Case:
    """Something wrong, and what the error must say."""

    name: str
    says: tuple[str, ...]
    change: dict = field(default_factory=dict)
    spoil: Callable[[Path], None] = nothing
    config: Path = DETECTION


def setting(key, value, *says, config=DETECTION):
    return Case(f'{key}={value}', says, {key: value}, config=config)


SETTINGS = [
    setting(BACKBONE + 'img_size', 0, 'img_size=0', 'positive integer'),
    setting(BACKBONE + 'img_size', [64] * 3, 'of WhatWhereTransformer', 'too many'),
    setting(BACKBONE + 'frozen_stages', 'all', 'a setting of WhatWhereTransformer'),
    setting(BACKBONE + 'num_slots', 0, 'num_slots=0', 'positive integer'),
    setting(BACKBONE + 'num_slots', 'many', "num_slots='many'", 'positive integer'),
    setting(BACKBONE + 'num_slots', 2.5, 'num_slots=2.5', 'positive integer'),
    setting(BACKBONE + 'patch_size', -8, 'patch_size=-8', 'positive integer'),
    setting(BACKBONE + 'arch', 'giant', "arch='giant'", 'choose one of'),
    Case('heads', ('arch.num_heads=5', 'choose a divisor'), arch(num_heads=5)),
    Case('no block', ('num_layers=0', 'positive integer'), arch(num_layers=0)),
    Case('other key', ('arch needs the keys', 'num_layer'), arch(num_layer=6)),
    setting(BACKBONE + 'out_type', 'mask', "out_type='mask'", 'choose one of'),
    setting(BACKBONE + 'out_indices', 9, 'out_indices', 'must name blocks'),
    setting(BACKBONE + 'drop_path_rate', 1.5, 'drop_path_rate=1.5', 'in [0, 1)'),
    setting(BACKBONE + 'num_slot', 8, "'num_slot'", "did you mean 'num_slots'?"),
    setting(
        BACKBONE + 'type',
        'WhatWhereTransfomer',
        'WhatWhereTransfomer is not in the mmdet::model registry',
        "did you mean 'WhatWhereTransformer'?",
    ),
    setting('model.bbox_head.num_clases', 3, "'num_clases'", "mean 'num_classes'?"),
    setting('model.bbox_head.type', 'MaskHead', 'MaskHead is not in', 'custom-module'),
    setting('model.type', 'WWTDetecter', "did you mean 'WWTDetector'?"),
    setting('optim_wrapper.optimizer.type', 'AdmW', "did you mean 'AdamW'?"),
    setting('optim_wrapper.optimizer.lr', -1, 'ValueError: Invalid learning rate: -1'),
    setting('optim_wrapper.optimizer.lr', 'fast', 'a setting of the config', 'non-int'),
    setting('param_scheduler.0.type', 'LinearLRs', "did you mean 'LinearLR'?"),
    setting('train_cfg.max_epochs', 0, 'trains nothing'),
    setting('train_cfg.max_epochs', 1.5, 'of EpochBasedTrainLoop', 'integer'),
    setting('val_cfg', None, 'a setting of the run', 'all None'),
    setting('randomness.seed', -1, 'a setting of the run', 'between 0 and'),
    setting(TRAIN + 'batch_size', 0, 'batch_size=0'),
    setting(TRAIN + 'num_workers', -1, 'num_workers'),
    setting(TRAIN + 'sampler.type', 'DefaultSample', "mean 'DefaultSampler'?"),
    setting(TRAIN + 'dataset.type', 'XMLDatset', "mean 'XMLDataset'?"),
    setting(TRAIN + 'dataset.annfile', 'a', "'annfile'", "did you mean 'ann_file'?"),
    setting(TRAIN + 'dataset.pipeline.0.type', 'LoadImage', "'LoadImageFromFile'?"),
    setting('val_evaluator.type', 'VOCMetrics', "did you mean 'VOCMetric'?"),
    setting('model.bbox_head.num_classes', 3, '10 classes', 'num_classes=3'),
    setting(
        'model.decode_head.num_classes',
        5,
        '11 classes',
        'model.decode_head.num_classes=5',
        config=SEGMENTATION,
    ),
]
XML = ('VOC2007/Annotations/', '.xml')
VOC = [
    Case('no root', ('no data_root folder at', 'docs/datasets.md'), spoil=remove('')),
    Case('no list', ('no ann_file at', LISTS), spoil=remove(LISTS)),
    Case('empty list', (LISTS, 'is empty'), spoil=write_list(b'')),
    Case('blank line', ('line 1 of', LISTS, "''"), spoil=write_list(b'\n\n')),
    Case('no text', (LISTS, 'list of names'), spoil=write_list(b'\xff\xfe\x00a')),
    Case('outside', ('line 1', '../x', LISTS), spoil=write_list(b'../x\n')),
    Case('unknown name', ('line 1', "'none'", 'none.jpg'), spoil=write_list(b'none\n')),
    Case(
        'no XML',
        ('no annotation file', *XML),
        spoil=lambda root: first(root, 'VOC2007/Annotations', '.xml').unlink(),
    ),
    Case(
        'malformed XML',
        (*XML, 'no well-formed XML', 'copy it again'),
        spoil=edit_xml(('</annotation>', '>'), '</annotatio'),
    ),
    Case(
        'no box',
        (*XML, 'object 1', '<bndbox>'),
        spoil=edit_xml(('<bndbox>', '</bndbox>'), ''),
    ),
    Case('text as side', (*XML, 'object 1', 'numbers'), spoil=box(1, 'a', 3, 4)),
    Case('NaN as side', (*XML, 'object 1', 'numbers'), spoil=box(1, 'nan', 3, 4)),
    Case('box inside out', (*XML, 'inside out'), spoil=box(30, 2, 10, 20)),
    Case('box without area', (*XML, 'without area'), spoil=box(5, 5, 5, 20)),
    Case('box outside', (*XML, 'outside', '64 x 64'), spoil=box(1, 1, 99, 20)),
    Case('box below 0', (*XML, 'outside', '(-9, 1, 9, 20)'), spoil=box(-9, 1, 9, 20)),
    Case(
        'unknown class',
        (*XML, "add 'dog' to", 'ignored_classes=dog'),
        spoil=edit_xml(('<name>', '</name>'), '<name>dog</name>'),
    ),
    Case(
        'size 0',
        (*XML, '<size>', 'above 0'),
        spoil=edit_xml(('<width>', '</width>'), '<width>0</width>'),
    ),
    Case(
        'image of 0 bytes for validation',
        ('.jpg cannot be read', '0 bytes'),
        spoil=lambda root: first(root, split='Main/test').write_bytes(b''),
    ),
    Case(
        'all images cut off',
        ('more than 6 training images', 'cut off', 'repair'),
        spoil=spoil_all(IMAGES, lambda path: path.write_bytes(path.read_bytes()[:-9])),
    ),
]
COCO = """
_base_ = '{base}'
train_dataloader = dict(dataset=dict(
    _delete_=True, type='CocoDataset', metainfo={{{{_base_.metainfo}}}},
    data_root='.', data_prefix=dict(img=''), ann_file='a.json',
    pipeline={{{{_base_.train_pipeline}}}}))
"""
MAP = (LABELS, '.png')
MAPS = [
    Case(
        name,
        (*MAP, *says),
        spoil=label_map(pixels, content),
        config=SEGMENTATION,
        change={TRAIN + 'batch_size': 12},
    )
    for name, pixels, content, says in [
        ('label map of other size', np.zeros((32, 64)), None, ('64 x 32', '64 x 64')),
        ('label map in RGB', np.zeros((64, 64, 3)), None, ('mode RGB', 'convert')),
        ('label map of 16 bits', np.full((64, 64), 999, np.uint16), None, ('999',)),
        ('unknown label', np.full((64, 64), 200, np.uint8), None, ('200', '0 to 10')),
        ('no label map', None, None, ('no label map', 'ann_file')),
        ('label map of 0 bytes', None, b'', ('cannot be read', '0 bytes')),
        ('label map of text', None, b'text', ('cannot be read', 'copy it again')),
    ]
]


@pytest.mark.parametrize('case', [*SETTINGS, *VOC, *MAPS], ids=lambda c: c.name)
def test_a_mistake_is_told_in_one_line(case, root, fail):
    case.spoil(root)
    line = fail('train', case.config, *options(root, **case.change))
    for text in case.says:
        assert text in line


@pytest.mark.parametrize(
    ('name', 'spoil', 'says'),
    [
        ('no folder', remove('train'), ('no data_prefix folder', '/train')),
        (
            'no class',
            spoil_all('train', shutil.rmtree),
            ('Found 0 files', '/train'),
        ),
        (
            'no image',
            spoil_all('train', lambda d: [path.unlink() for path in d.iterdir()]),
            ('Found 0 files', '/train'),
        ),
        (
            'a class too many',
            lambda root: shutil.copytree(root / 'train/star', root / 'train/sun'),
            ('11 classes', 'num_classes=10'),
        ),
        (
            'an image that is cut off for validation',
            lambda root: cut_one(root / 'val/star'),
            ('/val/star/', '.jpg cannot be read', 'cut off'),
        ),
    ],
)
def test_a_mistake_in_folders_of_classes_is_told_in_one_line(
    name, spoil, says, classification_root, tmp_path, fail
):
    root = shutil.copytree(classification_root, tmp_path / 'data')
    spoil(root)
    line = fail('train', CLASSIFICATION, *options(root))
    for text in says:
        assert text in line


@pytest.mark.parametrize(
    ('content', 'says'),
    [
        ('{"images": [', ('JSONDecodeError', 'Expecting value')),
        ('[]', ('not supported',)),
        ('{"annotations": []}', ('KeyError: categories',)),
        ('{"images": 3, "annotations": 4}', ('TypeError',)),
        ('{"images": [{"id": 1}], "annotations": [], "categories": []}', ('KeyError',)),
    ],
)
def test_json_of_the_wrong_form_is_told_in_one_line(
    content, says, root, tmp_path, fail
):
    config = tmp_path / 'coco.py'
    config.write_text(COCO.format(base=DETECTION))
    (root / 'a.json').write_text(content)
    change = {TRAIN + 'dataset.data_root': root}
    line = fail('train', config, *options(root, **change))
    for text in says:
        assert text in line


def change_weights(**changes):
    def make(path, content):
        weights = {**content['state_dict'], **changes}
        torch.save(dict(content, state_dict=weights), path)

    return make


def save(thing):
    return lambda path, content: torch.save(thing, path)


def save_backbone(path, content):
    weights = content['state_dict']
    kept = {name: weights[name] for name in weights if name.startswith('backbone')}
    torch.save(dict(state_dict=kept), path)


def cut(path, content):
    torch.save(content, path)
    path.write_bytes(path.read_bytes()[:-5000])


CHECKPOINTS = [
    ('missing', lambda path, content: None, ('no checkpoint',)),
    ('empty', lambda path, _: path.write_bytes(b''), ('cannot be read',)),
    ('text', lambda path, _: path.write_text('weights'), ('no checkpoint file',)),
    ('cut off', cut, ('cannot be read',)),
    ('a list', save([torch.ones(2)]), ('holds a list',)),
    ('a program', save(dict(state_dict=Program())), ('--trust-checkpoint',)),
    ('of another model', save({'a.weight': torch.ones(2)}), ('is not a checkpoint',)),
    ('of a backbone', save_backbone, ('no weights of the bbox_head', 'train it first')),
    (
        'of other classes',
        change_weights(**{'bbox_head.fc_cls.weight': torch.ones(4, 96)}),
        ('bbox_head.fc_cls.weight should be (11, 96) and is (4, 96)',),
    ),
    (
        'of other slots',
        change_weights(**{'backbone.slots': torch.ones(1, 5, 96)}),
        ('backbone.slots should be (1, 16, 96) and is (1, 5, 96)', 'num_slots'),
    ),
    (
        'of other patches',
        change_weights(**{'backbone.patch_embed.weight': torch.ones(96, 3, 4, 4)}),
        ('(96, 3, 8, 8)', '(96, 3, 4, 4)'),
    ),
]


IN_TRAINING = ('missing', 'cut off', 'a program', 'of other classes')


@pytest.mark.parametrize(
    ('tool', 'name', 'make', 'says'),
    [
        *(('test', *checkpoint) for checkpoint in CHECKPOINTS),
        *(('train', *each) for each in CHECKPOINTS if each[0] in IN_TRAINING),
    ],
)
def test_a_wrong_checkpoint_is_told_in_one_line(
    tool, name, make, says, scenes_root, detector_checkpoint, tmp_path, fail
):
    path = tmp_path / 'wrong.pth'
    make(path, torch.load(detector_checkpoint))
    given = [path] if tool == 'test' else ['--resume', path]
    line = fail(tool, DETECTION, *given, *options(scenes_root))
    for text in ('wrong.pth', *says):
        assert text in line


def test_training_from_weights_of_other_names_is_refused(scenes_root, tmp_path, fail):
    path = tmp_path / 'other.pth'
    torch.save(dict(state_dict={'image_encoder.0.slots': torch.ones(1, 16, 96)}), path)
    line = fail('train', DETECTION, *options(scenes_root, load_from=path))
    for text in ('other.pth has no weight of', 'image_encoder.0.slots', 'init_cfg'):
        assert text in line


def test_a_bad_image_for_testing_is_told_in_one_line(root, detector_checkpoint, fail):
    image = first(root, split='Main/test')
    image.write_bytes(image.read_bytes()[:-20])
    line = fail('test', DETECTION, detector_checkpoint, *options(root, workers=1))
    assert str(image) in line
    assert 'cut off' in line
    assert 'copy it again' in line
