"""ImageNet-S: classes, ids in PNGs, layout, and the official mIoU."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmseg.registry import DATASETS, METRICS
from PIL import Image

from wwt_mm.datasets.imagenet_s import (
    SUBSETS,
    imagenet_class_map,
    imagenet_s_classes,
)
from wwt_mm.engine import load_config
from wwt_mm.errors import ConfigError, DatasetError

CONFIG = Path(__file__).parents[2] / 'configs/mmseg/weak/wwt_tiny_weak_imagenets50.py'
GOLDFISH, SHARK = 'n01443537', 'n01491361'


@pytest.fixture(autouse=True)
def _scope():
    import wwt_mm.segmentation  # noqa: F401  (registers LoadSegMap)

    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def write_image(root, split, wnid, name, ids):
    """An image of the size of ``ids`` and its label map, as the authors encode it."""
    ids = np.asarray(ids)
    folder = root / split / wnid
    folder.mkdir(parents=True, exist_ok=True)
    image = np.zeros((*ids.shape, 3), np.uint8)
    Image.fromarray(image).save(folder / f'{name}.JPEG')
    maps = root / f'{split}-segmentation' / wnid
    maps.mkdir(parents=True, exist_ok=True)
    colours = np.stack([ids % 256, ids // 256, np.zeros_like(ids)], -1)
    Image.fromarray(colours.astype(np.uint8)).save(maps / f'{name}.png')


@pytest.fixture
def root(tmp_path):
    ids = np.zeros((6, 8), int)
    ids[1:3, 2:5] = 1
    ids[0, 0] = 1000
    write_image(tmp_path, 'validation', GOLDFISH, 'ILSVRC2012_val_00000001', ids)
    write_image(tmp_path, 'validation', SHARK, 'ILSVRC2012_val_00000002', 0 * ids)
    return tmp_path


def dataset(root, **options):
    cfg = load_config(CONFIG, {'data_root': str(root)})
    return DATASETS.build(cfg.test_dataloader.dataset | options)


@pytest.mark.parametrize('subset', SUBSETS)
def test_a_subset_has_so_many_classes_sorted_by_wordnet_id(subset):
    wnids = [c.wnid for c in imagenet_s_classes(subset)]
    assert len(set(wnids)) == subset
    assert wnids == sorted(wnids)


def test_subsets_hold_each_other():
    small, middle, large = (set(imagenet_s_classes(s)) for s in SUBSETS)
    assert small < middle < large


def test_labels_of_the_official_lists_are_met():
    names = [c.name for c in imagenet_s_classes(50)]
    assert names[:3] == ['goldfish', 'tiger shark', 'goldfinch']
    assert names[-3:] == ['lemon', 'carbonara', 'agaric']
    names = [c.name for c in imagenet_s_classes(300)]
    assert (names[0], names[1], names[-1]) == ('tench', 'goldfish', 'bolete')
    names = [c.name for c in imagenet_s_classes(919)]
    assert (names[0], names[-1]) == ('tench', 'toilet tissue')


@pytest.mark.parametrize('subset', SUBSETS)
def test_outputs_of_an_imagenet_classifier_go_to_the_class_of_their_name(subset):
    from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

    classes = imagenet_s_classes(subset)
    class_map = imagenet_class_map(subset)
    assert len(class_map) == 1000
    for label, c in enumerate(classes, start=1):
        outputs = [i for i, mapped in enumerate(class_map) if mapped == label]
        names = [IMAGENET_CATEGORIES[i].split(',')[0].strip() for i in outputs]
        assert c.name.lower() in [name.lower() for name in names]
        assert len(outputs) == 1 or subset == 919


def test_five_classes_of_imagenet_are_merged_into_others():
    merged = [i for i in imagenet_class_map(919) if i]
    assert len(merged) == 919 + 5
    sunglasses, sunglass = 837, 836
    assert imagenet_class_map(919)[sunglasses] == imagenet_class_map(919)[sunglass] > 0


def test_an_image_is_read_with_its_labels_and_its_class(root):
    data = dataset(root)
    assert len(data) == 2
    assert data.metainfo['classes'][:2] == ('other', 'goldfish')
    sample = data[0]['data_samples']
    labels = sample.gt_sem_seg.data[0]
    assert labels.shape == (6, 8)
    assert labels[0, 0] == 1000
    assert (labels[1:3, 2:5] == 1).all()
    assert labels.ne(0).sum() == 7
    assert sample.image_labels == (1,)
    assert data[1]['data_samples'].image_labels == (2,)


def test_ids_above_255_are_read(tmp_path):
    wnid = imagenet_s_classes(919)[918].wnid
    write_image(tmp_path, 'validation', wnid, 'a', [[919, 256, 255, 1000]])
    data = dataset(tmp_path, subset=919)
    labels = data[0]['data_samples'].gt_sem_seg.data
    assert labels.flatten().tolist() == [919, 256, 255, 1000]


def test_the_annotated_training_images_are_a_split(tmp_path):
    write_image(tmp_path, 'train-semi', SHARK, 'n01491361_1', [[2, 0]])
    assert len(dataset(tmp_path, split='train-semi')) == 1


def test_a_missing_folder_is_named_with_the_page_that_helps(tmp_path):
    with pytest.raises(DatasetError, match=r'validation: docs/datasets\.md#imagenet-s'):
        dataset(tmp_path)


def test_a_folder_of_another_subset_is_named(root):
    write_image(root, 'validation', 'n01440764', 'tench', [[1]])
    with pytest.raises(DatasetError, match='n01440764 is no class of ImageNet-S50'):
        dataset(root)


def test_folders_without_images_are_an_error(root):
    for image in root.glob('validation/*/*.JPEG'):
        image.unlink()
    with pytest.raises(DatasetError, match='holds no WNID'):
        dataset(root)


def test_a_missing_label_map_is_named(root):
    (root / f'validation-segmentation/{GOLDFISH}/ILSVRC2012_val_00000001.png').unlink()
    with pytest.raises(DatasetError, match=r'no label map at .*val_00000001\.png'):
        dataset(root)[0]


def test_a_label_of_another_subset_is_named(root):
    write_image(root, 'validation', SHARK, 'ILSVRC2012_val_00000002', [[51]])
    with pytest.raises(DatasetError, match=r'val_00000002\.png holds 51'):
        dataset(root)[1]


def test_an_unknown_subset_is_named(root):
    with pytest.raises(ConfigError, match='subset=51 .* 50, 300, 919'):
        dataset(root, subset=51)


def official_miou(pairs, classes):
    """The official evaluator, written out per pixel from its description."""
    right, predicted, true = (np.zeros(classes + 1) for _ in range(3))
    for truth, label in pairs:
        for t, p in zip(truth.flatten(), label.flatten(), strict=True):
            if t == 1000:
                continue
            true[t] += 1
            predicted[p] += 1
            right[t] += t == p
    return 100 * (right / (true + predicted - right + 1e-10)).mean()


@pytest.mark.parametrize('absent', [False, True])
def test_miou_is_that_of_the_official_evaluator(absent):
    rng = np.random.default_rng(0)
    top = 40 if absent else 51
    pairs = []
    for _ in range(8):
        truth = rng.integers(top, size=(30, 40))
        guess = rng.integers(top, size=(30, 40))
        label = np.where(rng.random((30, 40)) < 0.6, truth, guess)
        truth[rng.random((30, 40)) < 0.1] = 1000
        pairs.append((truth, label))
    cfg = load_config(CONFIG)
    metric = METRICS.build(cfg.test_evaluator)
    metric.dataset_meta = dict(classes=('other', *range(50)))
    for truth, label in pairs:
        metric.process(
            {},
            [
                dict(
                    gt_sem_seg=dict(data=torch.tensor(truth)[None]),
                    pred_sem_seg=dict(data=torch.tensor(label)[None]),
                )
            ],
        )
    expected = official_miou(pairs, 50)
    assert metric.evaluate(8)['mIoU'] == pytest.approx(expected, abs=0.006)


def test_written_label_maps_decode_to_the_same_labels(tmp_path):
    labels = np.array([[0, 1, 255], [256, 919, 300]])
    metric = METRICS.build(
        dict(type='ImageNetSMetric', output_dir=str(tmp_path), format_only=True)
    )
    metric.dataset_meta = dict(classes=tuple(range(920)))
    sample = dict(
        img_path=f'data/test/{GOLDFISH}/image.JPEG',
        pred_sem_seg=dict(data=torch.tensor(labels)[None]),
    )
    metric.process({}, [sample])
    assert metric.evaluate(1) == {}
    pixels = np.asarray(Image.open(tmp_path / GOLDFISH / 'image.png')).astype(int)
    assert (pixels[..., 0] + 256 * pixels[..., 1]).tolist() == labels.tolist()
    assert not pixels[..., 2].any()
