"""The three libraries' own inferencers run our configs and checkpoints."""

import cv2
import pytest

import wwt_mm  # noqa: F401  before mmdet, as users must write it
from wwt_mm.engine import load_config

from .conftest import CONFIGS, options_of


@pytest.fixture(scope='module')
def image(picture, tmp_path_factory):
    path = tmp_path_factory.mktemp('image') / 'image.png'
    cv2.imwrite(str(path), picture(48, 64))
    return str(path)


def load(config, data_root):
    cfg = load_config(CONFIGS / f'{config}.py', options_of(config))
    cfg.test_dataloader.dataset.data_root = str(data_root)
    return cfg


def test_mmpretrains_image_classification_inferencer(checkpoint_of, image):
    from mmpretrain import ImageClassificationInferencer

    classes = list('abcdefghij')
    infer = ImageClassificationInferencer(
        str(CONFIGS / 'mmpretrain' / 'wwt_scenes.py'),
        pretrained=str(checkpoint_of('mmpretrain/wwt_scenes', classes)),
        device='cpu',
    )
    (result,) = infer(image)
    assert result['pred_class'] in classes
    assert result['pred_scores'].sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    'config', ['mmdet/wwt_det_voc07', 'mmdet/discovery/discovery_wwt_scenes']
)
def test_mmdets_det_inferencer(config, checkpoint_of, image, tmp_path):
    from mmdet.apis import DetInferencer

    classes = [f'class {index}' for index in range(20)]
    infer = DetInferencer(
        load(config, tmp_path),
        str(checkpoint_of(config, classes)),
        device='cpu',
    )
    result = infer(image, no_save_vis=True, out_dir=str(tmp_path))
    found = result['predictions'][0]
    assert len(found['bboxes']) == len(found['labels']) == len(found['scores']) > 0
    assert all(0 <= x <= 64 for box in found['bboxes'] for x in box)


@pytest.mark.parametrize(
    'config', ['mmseg/wwt_seg_voc12', 'mmseg/weak/wwt_weak_scenes']
)
def test_mmsegs_inferencer(config, checkpoint_of, image, tmp_path):
    from mmseg.apis import MMSegInferencer

    cfg = load(config, tmp_path)
    if 'weak' in config:  # a user's images come without labels
        cfg.model.classes_from = 'predicted'
    classes = [str(index) for index in range(21 if 'voc' in config else 11)]
    checkpoint = checkpoint_of(config, classes)
    infer = MMSegInferencer(cfg, str(checkpoint), device='cpu')
    labels = infer(image)['predictions']
    assert labels.shape == (48, 64)
    assert labels.min() >= 0 and labels.max() < len(classes)
