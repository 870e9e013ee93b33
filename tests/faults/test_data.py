"""Data that cannot train, or not as it is meant."""

import io
import json

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from reproduction.scenes import SCENE_CLASSES
from wwt_mm.guards.bad_image_hook import BadImageError, check_end

from .conftest import MAINS
from .small import CLASSIFICATION, DETECTION, SEGMENTATION, options
from .test_bad_input import IMAGES, LABELS, first

XMLS = 'VOC2007/Annotations'


def push_out(root, pixels, count):
    """Moves the first box of some training images over the right border."""
    names = (root / 'VOC2007/ImageSets/Main/trainval.txt').read_text().split()
    for name in names[:count]:
        path = root / XMLS / f'{name}.xml'
        before, _, rest = path.read_text().partition('<xmax>')
        path.write_text(f'{before}<xmax>{64 + pixels}{rest[rest.index("</xmax>") :]}')


def test_boxes_outside_are_counted_over_all_files(root, fail):
    push_out(root, 3, 5)
    line = fail('train', DETECTION, *options(root))
    assert '5 of 12 files have a box outside of the image' in line
    assert line.count('.xml') == 3
    assert 'of 64 x 64 pixels, and 2 more' in line
    assert 'clip_boxes=True' in line


def test_boxes_outside_are_cut_off_on_request(root, isolated, tmp_path, monkeypatch):
    from mmdet.datasets import transforms

    seen = []
    pack = transforms.PackDetInputs.transform

    def watch(self, results):
        seen.append(float(results['gt_bboxes'].tensor[:, 2].max()))
        return pack(self, results)

    monkeypatch.setattr(transforms.PackDetInputs, 'transform', watch)
    push_out(root, 9, 5)
    change = {
        f'{stage}_dataloader.dataset.ann_file': 'VOC2007/ImageSets/Main/test.txt'
        for stage in ('val', 'test')
    }
    arguments = [str(DETECTION), *options(root, clip_boxes=True, **change)]
    # Without mmdet's own clipping, which comes with resizing.
    arguments += ['train_dataloader.dataset.pipeline.2.clip_object_border=False']
    MAINS['train']([*arguments, '--work-dir', str(tmp_path / 'work')])
    assert max(seen) == 64


def test_a_flat_root_in_vocs_layout_works(root, isolated, tmp_path):
    change = {
        f'{stage}_dataloader.dataset.data_prefix.sub_data_root': '""'
        for stage in ('train', 'val', 'test')
    }
    change |= {
        f'{stage}_dataloader.dataset.ann_file': 'ImageSets/Main/trainval.txt'
        for stage in ('train', 'val', 'test')
    }
    arguments = [str(DETECTION), *options(root / 'VOC2007', **change)]
    MAINS['train']([*arguments, '--work-dir', str(tmp_path / 'work')])
    assert (tmp_path / 'work/epoch_1.pth').is_file()


def test_label_maps_of_0_and_255_only_are_refused(root, fail):
    for path in (root / LABELS).iterdir():
        labels = np.asarray(Image.open(path))
        Image.fromarray(np.where(labels, 255, 0).astype(np.uint8)).save(path)
    line = fail('train', SEGMENTATION, *options(root))
    assert 'hold [0, 255] only, and 255 is ignored' in line
    assert 'divide by 255' in line


def test_fewer_images_than_a_batch_are_refused(classification_root, fail):
    line = fail('train', CLASSIFICATION, *options(classification_root, batch_size=99))
    assert '20 training images make no batch of 99' in line


@pytest.mark.parametrize(
    ('config', 'name', 'known'),
    [
        (DETECTION, 'coco/bbox_mAP', 'pascal_voc/mAP, pascal_voc/AP50'),
        (DETECTION, 'mAP', 'measures pascal_voc/mAP'),
        (SEGMENTATION, 'mDice', 'aAcc, mIoU, mAcc'),
        (CLASSIFICATION, 'accuracy/top5', "(has 'accuracy/top1')"),
    ],
)
def test_the_best_by_another_metric_is_refused(
    config, name, known, scenes_root, classification_root, fail
):
    root = classification_root if config == CLASSIFICATION else scenes_root
    change = {'default_hooks.checkpoint.save_best': name}
    line = fail('train', config, *options(root, **change))
    assert f"save_best='{name}'" in line
    assert known in line


@pytest.mark.parametrize('place', ['auxiliary_head', 'decode_head'])
def test_each_head_must_tell_as_many_classes(place, scenes_root, tmp_path, fail):
    config = tmp_path / 'auxiliary.py'
    head = "type='FCNHead', in_channels=96, channels=8, num_convs=1, num_classes=11"
    config.write_text(
        f"_base_ = '{SEGMENTATION}'\n"
        f"model = dict(backbone=dict(out_type='featmap'),\n"
        f'    auxiliary_head=dict({head}), decode_head=dict(_delete_=True, {head}))\n'
    )
    change = {f'model.{place}.num_classes': 3}
    line = fail('train', config, *options(scenes_root, **change))
    assert f'model.{place}.num_classes=3' in line


def encode(form):
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    picture = Image.fromarray(cv2.resize(pixels, (96, 64)))
    file = io.BytesIO()
    picture.save(file, form)
    return file.getvalue()


@pytest.mark.parametrize('form', ['JPEG', 'PNG', 'BMP', 'TIFF', 'WEBP', 'PPM'])
def test_what_decodes_is_read_and_what_is_cut_off_is_found(form, tmp_path):
    from mmcv.transforms import LoadImageFromFile

    def load(content):
        path = tmp_path / f'image.{form.lower()}'
        path.write_bytes(content)
        check_end(str(path))
        return LoadImageFromFile()(dict(img_path=str(path)))['img'].shape

    whole = encode(form)
    assert load(whole) == (64, 96, 3)
    assert load(whole + b'more' * 50) == (64, 96, 3)
    for length in (len(whole) // 2, len(whole) - 20):
        with pytest.raises((BadImageError, AssertionError, cv2.error)):
            load(whole[:length])


def test_a_dict_in_place_of_a_name_is_told_in_one_line(tmp_path, scenes_root, fail):
    config = tmp_path / 'own.py'
    base = CLASSIFICATION.parent / 'wwt_small_in1k.py'
    arch = 'dict(embed_dims=96, num_layers=2, num_heads=3)'
    config.write_text(f"_base_ = '{base}'\nmodel = dict(backbone=dict(arch={arch}))\n")
    line = fail('train', config)
    assert 'own.py' in line
    assert '_delete_=True' in line


def test_mixed_sizes_in_validation_are_told_in_one_line(root, fail):
    for folder, suffix in ((IMAGES, '.jpg'), (LABELS, '.png')):
        path = first(root, folder, suffix, 'Segmentation/test')
        Image.open(path).resize((80, 64), Image.NEAREST).save(path)
    change = {'val_dataloader.dataset.pipeline.1.keep_ratio': True}
    line = fail('train', SEGMENTATION, *options(root, **change))
    assert 'different sizes' in line
    assert 'val_dataloader.batch_size=1' in line


def test_accumulated_gradients_count_for_the_learning_rate(scenes_root, tmp_path):
    from wwt_mm.engine.train import enable_lr_scaling

    cfg = Config(
        dict(
            auto_scale_lr=dict(base_batch_size=32),
            optim_wrapper=dict(accumulative_counts=4),
        )
    )
    enable_lr_scaling(cfg)
    # 4 images on one process, four times, are half of 32.
    assert 4 / cfg.auto_scale_lr.base_batch_size == 0.5


@pytest.mark.parametrize(
    ('images', 'classes', 'says'),
    [
        (
            7,
            SCENE_CLASSES,
            'ann_file of CocoMetric tells of 7 images, its dataset of 6',
        ),
        (6, SCENE_CLASSES[::-1], 'have the same classes in another order'),
        (6, SCENE_CLASSES[1:], "ann_file of CocoMetric lacks 'arrow'"),
    ],
)
def test_a_metric_that_reads_something_else_than_the_dataset_is_refused(
    images, classes, says, root, detector_checkpoint, tmp_path, fail
):
    names = (root / 'VOC2007/ImageSets/Main/test.txt').read_text().split()
    content = dict(
        images=[dict(id=name, width=64, height=64) for name in [*names, 'x'][:images]],
        categories=[dict(id=i, name=name) for i, name in enumerate(classes)],
        annotations=[],
    )
    (root / 'b.json').write_text(json.dumps(content))
    metric = f"_delete_=True, type='CocoMetric', ann_file='{root}/b.json'"
    config = tmp_path / 'own.py'
    config.write_text(f"_base_ = '{DETECTION}'\ntest_evaluator = dict({metric})\n")
    line = fail('test', config, detector_checkpoint, *options(root))
    assert says in line
