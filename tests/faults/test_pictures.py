"""Every image has its picture, and test-time augmentation reaches every dataset."""

import shutil
from collections import OrderedDict

import pytest
from mmengine.visualization import Visualizer

from .conftest import MAINS
from .small import CLASSIFICATION, DETECTION, options

TEST = 'VOC2007/ImageSets/Main/test.txt'


@pytest.fixture
def test_tool(isolated, tmp_path):
    def run(config, checkpoint, *arguments):
        given = [str(config), str(checkpoint), *map(str, arguments)]
        return MAINS['test']([*given, '--work-dir', str(tmp_path / 'work')])

    return run


@pytest.fixture
def two_datasets(root, tmp_path):
    """A config whose test data are the scenes, twice, in different folders."""
    shutil.copytree(root / 'VOC2007', root / 'VOC2012')
    part = (
        "dict(type='XMLDataset', metainfo={{_base_.metainfo}}, "
        f"data_root='{root}', test_mode=True, pipeline={{{{_base_.test_pipeline}}}}, "
        "data_prefix=dict(sub_data_root='VOC20YY/'), "
        "ann_file='VOC20YY/ImageSets/Main/test.txt')"
    )
    parts = f'[{part.replace("YY", "07")}, {part.replace("YY", "12")}]'
    (tmp_path / 'concat.py').write_text(
        f"_base_ = '{DETECTION}'\ntest_dataloader = dict(dataset=dict("
        f"_delete_=True, type='ConcatDataset', datasets={parts}))\n"
    )
    return tmp_path / 'concat.py'


@pytest.fixture(autouse=True)
def no_visualizers_of_other_tests(monkeypatch):
    """mmengine's hooks draw with the one whose name was last new in their process."""
    monkeypatch.setattr(Visualizer, '_instance_dict', OrderedDict())


def test_equal_names_in_different_folders_have_a_picture_each(
    two_datasets, root, detector_checkpoint, test_tool, tmp_path
):
    shown = ['--show-dir', tmp_path / 'pictures', *options(root)]
    test_tool(two_datasets, detector_checkpoint, *shown)
    names = (root / TEST).read_text().split()
    for year in ('07', '12'):
        folder = tmp_path / f'pictures/VOC20{year}/JPEGImages'
        assert sorted(path.stem for path in folder.iterdir()) == sorted(names)


def test_equal_names_in_folders_of_classes_have_a_picture_each(
    classification_root, test_tool, tmp_path
):
    root = shutil.copytree(classification_root, tmp_path / 'data')
    count = 0
    for folder in sorted((root / 'val').iterdir()):
        for number, path in enumerate(sorted(folder.iterdir())):
            path.rename(folder / f'{number}.jpg')
            count += 1
    shown = ['--show-dir', tmp_path / 'pictures', *options(root)]
    MAINS['train'](
        [str(CLASSIFICATION), *options(root), f'--work-dir={tmp_path / "train"}']
    )
    test_tool(CLASSIFICATION, tmp_path / 'train/epoch_1.pth', *shown)
    pictures = list((tmp_path / 'pictures').rglob('*.png'))
    assert len(pictures) == count
    assert {path.parent.name for path in pictures} == {
        folder.name for folder in (root / 'val').iterdir()
    }


def test_augmentation_reaches_all_parts_of_the_test_data(
    two_datasets, root, detector_checkpoint, test_tool
):
    metrics = test_tool(two_datasets, detector_checkpoint, '--tta', *options(root))
    assert 'pascal_voc/mAP' in metrics
