"""The real dataset classes of mmdet, mmseg and mmpretrain read the scenes."""

import numpy as np
import pytest

from reproduction.scenes import (
    SCENE_CLASSES,
    SceneConfig,
    render_scene,
    write_classification,
    write_voc,
)
from wwt_mm.datasets import voc_palette

SCENES = SceneConfig(height=64, width=96, max_truncation=0.6, max_occlusion=0.7)
LABELLED = SceneConfig(height=32, width=32, max_objects=1, single_class=True)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    out = tmp_path_factory.mktemp('scenes')
    write_voc(out, SCENES, train=12, val=2, test=4, workers=1)
    write_classification(out, LABELLED, train=20, val=10, workers=1)
    return out


@pytest.mark.parametrize('split, total', [('trainval', 14), ('test', 4)])
def test_mmdet_reads_boxes_labels_and_difficult_flags(root, split, total):
    from mmdet.datasets import VOCDataset

    dataset = VOCDataset(
        data_root=str(root),
        ann_file=f'VOC2007/ImageSets/Main/{split}.txt',
        data_prefix={'sub_data_root': 'VOC2007/'},
        metainfo={'classes': SCENE_CLASSES},
        test_mode=True,
        pipeline=[],
    )
    assert dataset.metainfo['dataset_type'] == 'VOC2007'
    assert len(dataset) == total
    for i in range(total):
        info = dataset.get_data_info(i)
        scene = render_scene(SCENES, int(info['img_id']))
        assert (info['height'], info['width']) == (64, 96)
        instances = info['instances']
        # mmdet's boxes end at the last pixel, as VOC's do; ours end after it.
        expected = scene.boxes - (0, 0, 1, 1)
        assert [x['bbox'] for x in instances] == expected.tolist()
        assert [x['bbox_label'] for x in instances] == scene.labels.tolist()
        assert [x['ignore_flag'] for x in instances] == scene.difficult.tolist()


@pytest.mark.parametrize('kind', ['BaseSegDataset', 'PascalVOCDataset'])
def test_mmseg_reads_label_maps(root, kind):
    import mmseg.datasets as mmseg_datasets

    options = {}
    if kind == 'BaseSegDataset':  # PascalVOCDataset allows VOC's own names only
        classes = ('background', *SCENE_CLASSES)
        palette = voc_palette(len(classes)).tolist()
        options['metainfo'] = {'classes': classes, 'palette': palette}
    dataset = getattr(mmseg_datasets, kind)(
        data_root=str(root / 'VOC2007'),
        ann_file='ImageSets/Segmentation/test.txt',
        data_prefix={'img_path': 'JPEGImages', 'seg_map_path': 'SegmentationClass'},
        img_suffix='.jpg',
        seg_map_suffix='.png',
        pipeline=[{'type': 'LoadImageFromFile'}, {'type': 'mmseg.LoadAnnotations'}],
        **options,
    )
    assert len(dataset) == 4
    for i, sample in enumerate(dataset):
        scene = render_scene(SCENES, 2_000_000 + i)
        np.testing.assert_array_equal(sample['gt_seg_map'], scene.semantic)
        assert sample['img'].shape == (64, 96, 3)


@pytest.mark.parametrize('kind', ['CustomDataset', 'ImageNet'])
def test_mmpretrain_reads_class_folders(root, kind):
    import mmpretrain.datasets as mmpretrain_datasets

    options = {'data_root': str(root / 'classification')}
    if kind == 'ImageNet':
        options |= {'split': 'train', 'metainfo': {'classes': SCENE_CLASSES}}
    else:
        options |= {'data_prefix': 'train'}
    dataset = getattr(mmpretrain_datasets, kind)(**options)
    assert tuple(dataset.CLASSES) == SCENE_CLASSES
    assert dataset.get_gt_labels().tolist() == [k for k in range(10) for _ in range(2)]
