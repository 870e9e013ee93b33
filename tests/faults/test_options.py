"""Options of the libraries that tell the same thing twice: they must agree."""

import shutil

import pytest

from .small import CLASSIFICATION, SEGMENTATION, options


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (
            {'model.decode_head.ignore_index': 0},
            'ignore_index is 255 of the train dataset and 0 of decode_head',
        ),
        (
            {'val_evaluator.ignore_index': 9},
            'ignore_index is 255 of the train dataset and 9 of IoUMetric',
        ),
        (
            {'val_dataloader.dataset.reduce_zero_label': True},
            'reduce_zero_label is False of the train dataset and True of the val',
        ),
    ],
)
def test_what_is_ignored_is_ignored_everywhere(change, says, scenes_root, fail):
    assert says in fail('train', SEGMENTATION, *options(scenes_root, **change))


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        ({'val_evaluator.topk': '(1,50)'}, 'topk=50 has only 10 classes'),
        (
            {
                'model.data_preprocessor.num_classes': 9,
                'model.data_preprocessor.to_onehot': True,
            },
            'data_preprocessor.num_classes=9 differs from model.head.num_classes=10',
        ),
    ],
)
def test_more_classes_than_there_are_are_refused(
    change, says, classification_root, fail
):
    line = fail('train', CLASSIFICATION, *options(classification_root, **change))
    assert says in line


def test_labels_of_a_list_must_be_classes(classification_root, tmp_path, fail):
    root = shutil.copytree(classification_root, tmp_path / 'data')
    folders = sorted((root / 'val').iterdir())
    # Counted from 1, not from 0.
    lines = [
        f'{folder.name}/{path.name} {label}'
        for label, folder in enumerate(folders, 1)
        for path in folder.iterdir()
    ]
    (root / 'val.txt').write_text('\n'.join(lines))
    change = {'val_dataloader.dataset.ann_file': 'val.txt'}
    names = ','.join(folder.name for folder in folders)
    change |= {'val_dataloader.dataset.metainfo.classes': f'({names})'}
    line = fail('train', CLASSIFICATION, *options(root, **change))
    assert 'of the val dataset has the label 10 in' in line
    assert 'its 10 classes are 0 to 9: count from 0' in line
