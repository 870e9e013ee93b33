"""mmdet's detectors train on WWT, without compiled ops and with them."""

import pytest

from reproduction.scenes import SCENE_CLASSES

from .small_swaps import (
    assert_trains_evaluates_and_saves,
    load_swap,
    set_classes,
    write_coco,
)

ITERATIONS = 4
# Fewer layers and queries than the configs', where there are many.
FEW_LAYERS = {
    'model.encoder.num_layers': 1,
    'model.decoder.num_layers': 1,
    'model.num_queries': 10,
    'model.test_cfg.max_per_img': 10,
}
RCNN = {
    'model.roi_head.bbox_head.fc_out_channels': 32,
    # A young detector is sure of nothing, and the metric wants boxes.
    'model.test_cfg.rcnn.score_thr': 0.0,
}
MASKS = {
    'model.panoptic_head.num_queries': 10,
    'model.panoptic_head.loss_cls.class_weight': [1.0] * 10 + [0.1],
    'model.panoptic_head.pixel_decoder.encoder.num_layers': 1,
    'model.panoptic_head.transformer_decoder.num_layers': 3,
}
CASES = {
    'detr': FEW_LAYERS,
    'detr_slots': {
        **FEW_LAYERS,
        'model.num_queries': 8,
        'model.test_cfg.max_per_img': 8,
    },
    'conditional_detr': FEW_LAYERS,
    'dab_detr': FEW_LAYERS,
    'deformable_detr': FEW_LAYERS,
    'faster_rcnn': RCNN,
    'mask_rcnn': {
        **RCNN,
        'model.roi_head.mask_head.num_convs': 1,
    },
    'retinanet': {'model.bbox_head.stacked_convs': 1},
    'fcos': {'model.bbox_head.stacked_convs': 1},
    'mask2former': MASKS,
    'mask2former_slots': {
        **MASKS,
        'model.panoptic_head.num_queries': 8,
        'model.panoptic_head.slot_channels': 64,
        'model.test_cfg.max_per_image': 10,
    },
}


@pytest.fixture(scope='module')
def coco(scenes_root):
    voc = scenes_root / 'VOC2007'
    write_coco(voc, scenes_root / 'swap_coco.json')
    return voc, scenes_root / 'swap_coco.json'


@pytest.mark.parametrize('name', CASES)
def test_a_detector_trains_on_wwt(name, coco, tmp_path):
    voc, annotations = coco
    cfg = load_swap(f'mmdet/swaps/{name}.py', tmp_path, ITERATIONS, **CASES[name])
    cfg.model = set_classes(cfg.model, len(SCENE_CLASSES))
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.update(
            type='CocoDataset',
            data_root='',
            ann_file=str(annotations),
            data_prefix=dict(img=f'{voc}/JPEGImages/'),
            metainfo=dict(classes=SCENE_CLASSES),
            indices=2,
            filter_cfg=None,
        )
    cfg.val_evaluator.ann_file = str(annotations)
    for augment in cfg.model.data_preprocessor.get('batch_augments') or ():
        augment.size = (64, 64)
    assert_trains_evaluates_and_saves(cfg, ITERATIONS)
