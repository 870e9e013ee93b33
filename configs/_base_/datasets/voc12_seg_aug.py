# Pascal VOC 2012 with the additional labels of SBD: 10,582 training images. The lists
# and maps are made by tools/dataset_converters/voc_aug.py; see docs/datasets.md.
_base_ = './voc12_seg.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(
                type={{_base_.dataset_type}},
                data_root={{_base_.data_root}},
                data_prefix=dict(
                    img_path='VOC2012/JPEGImages',
                    seg_map_path='VOC2012/SegmentationClass',
                ),
                ann_file='VOC2012/ImageSets/Segmentation/train.txt',
                pipeline={{_base_.train_pipeline}},
            ),
            dict(
                type={{_base_.dataset_type}},
                data_root={{_base_.data_root}},
                data_prefix=dict(
                    img_path='VOC2012/JPEGImages',
                    seg_map_path='VOC2012/SegmentationClassAug',
                ),
                ann_file='VOC2012/ImageSets/Segmentation/aug.txt',
                pipeline={{_base_.train_pipeline}},
            ),
        ],
    )
)
