# Pascal VOC 2007 + 2012 trainval, tested on VOC 2007 test. See docs/datasets.md.
_base_ = './voc07_det.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        # The two name their year in their meta information; the rest must agree.
        ignore_keys=['dataset_type'],
        datasets=[
            dict(
                type={{_base_.dataset_type}},
                data_root={{_base_.data_root}},
                ann_file='VOC2007/ImageSets/Main/trainval.txt',
                data_prefix=dict(sub_data_root='VOC2007/'),
                filter_cfg=dict(filter_empty_gt=False),
                pipeline={{_base_.train_pipeline}},
            ),
            dict(
                type={{_base_.dataset_type}},
                data_root={{_base_.data_root}},
                ann_file='VOC2012/ImageSets/Main/trainval.txt',
                data_prefix=dict(sub_data_root='VOC2012/'),
                filter_cfg=dict(filter_empty_gt=False),
                pipeline={{_base_.train_pipeline}},
            ),
        ],
    )
)
