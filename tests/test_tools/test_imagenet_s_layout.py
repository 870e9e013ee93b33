"""tools/dataset_converters/imagenet_s.py on a handful of files."""

import runpy
from pathlib import Path

import pytest

from wwt_mm.errors import DatasetError

TOOL = Path(__file__).parents[2] / 'tools/dataset_converters/imagenet_s.py'


@pytest.fixture
def main():
    return runpy.run_path(str(TOOL))['main']


def touch(path, content=''):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.fixture
def data(tmp_path):
    imagenet, subset = tmp_path / 'imagenet', tmp_path / 'ImageNetS919'
    touch(imagenet / 'train/n04356056/n04356056_7.JPEG', 'sunglasses')
    touch(imagenet / 'val/ILSVRC2012_val_00000009.JPEG', 'fish')
    # Sunglasses are merged into another class, whose folder holds the label map.
    touch(subset / 'train-semi-segmentation/n04355933/n04356056_7.png')
    touch(subset / 'validation-segmentation/n01443537/ILSVRC2012_val_00000009.png')
    return imagenet, subset


@pytest.mark.parametrize('copy', [False, True])
def test_each_label_map_gets_its_image_in_a_folder_of_the_same_name(main, data, copy):
    imagenet, subset = data
    main([str(imagenet), str(subset), *(['--copy'] if copy else [])])
    fish = subset / 'validation/n01443537/ILSVRC2012_val_00000009.JPEG'
    glasses = subset / 'train-semi/n04355933/n04356056_7.JPEG'
    assert (fish.read_text(), glasses.read_text()) == ('fish', 'sunglasses')
    assert fish.is_symlink() != copy


def test_a_second_run_mends_a_link_to_nowhere(main, data):
    imagenet, subset = data
    fish = subset / 'validation/n01443537/ILSVRC2012_val_00000009.JPEG'
    fish.parent.mkdir(parents=True)
    fish.symlink_to('/nowhere/at/all')
    main([str(imagenet), str(subset)])
    assert fish.read_text() == 'fish'


def test_images_of_validation_may_lie_in_folders_of_classes(main, data):
    imagenet, subset = data
    name = 'ILSVRC2012_val_00000009.JPEG'
    (imagenet / 'val/n01443537').mkdir()
    (imagenet / 'val' / name).rename(imagenet / 'val/n01443537' / name)
    main([str(imagenet), str(subset)])
    assert (subset / 'validation/n01443537' / name).read_text() == 'fish'


def test_a_label_map_without_image_is_named(main, data):
    imagenet, subset = data
    (imagenet / 'val/ILSVRC2012_val_00000009.JPEG').unlink()
    with pytest.raises(DatasetError, match='no ILSVRC2012_val_00000009.JPEG'):
        main([str(imagenet), str(subset)])


def test_a_folder_without_label_maps_is_named_with_the_page_that_helps(main, data):
    with pytest.raises(DatasetError, match=r'docs/datasets\.md#imagenet-s'):
        main([str(data[0]), str(data[0])])
