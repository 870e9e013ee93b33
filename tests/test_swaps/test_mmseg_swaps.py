"""mmseg's segmentors train on WWT, and what comes out can be exported."""

import pytest

from .small_swaps import (
    assert_exports,
    assert_trains_evaluates_and_saves,
    load_swap,
)

ITERATIONS = 4
CASES = {
    'fcn': {},
    'pspnet': {},
    'upernet': {},
    'segmenter': {'model.decode_head.num_heads': 4},
    'setr': {},
}


@pytest.mark.parametrize('name', CASES)
def test_a_segmentor_trains_on_wwt(name, scenes_root, tmp_path):
    cfg = load_swap(f'mmseg/swaps/{name}.py', tmp_path, ITERATIONS, **CASES[name])
    for split in ('train', 'val'):
        loader = cfg[f'{split}_dataloader']
        pipeline = loader.dataset.get('pipeline')
        pipeline = pipeline or loader.dataset.datasets[0].pipeline
        # VOC's label maps have no label to subtract, as ADE20K's do.
        for step in pipeline:
            step.pop('reduce_zero_label', None)
        loader.dataset = dict(
            type='PascalVOCDataset',
            data_root=str(scenes_root / 'VOC2007'),
            ann_file=f'ImageSets/Segmentation/{split}.txt',
            data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
            pipeline=pipeline,
            indices=2,
        )
    cfg.model.data_preprocessor.size = (64, 64)
    if cfg.model.test_cfg.mode == 'slide':
        cfg.model.test_cfg.update(crop_size=(64, 64), stride=(48, 48))
    assert_exports(assert_trains_evaluates_and_saves(cfg, ITERATIONS), cfg)
