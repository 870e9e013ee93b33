# detr_r50_voc07.py, trained on VOC07 + VOC12 trainval. The paper's 72.2 mAP is doubtful
# from the 5,011 images of VOC07 alone.
_base_ = './detr_r50_voc07.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        # The two name their year in their meta information; the rest must agree.
        ignore_keys=['dataset_type'],
        datasets=[
            dict(
                type='VOCDataset',
                data_root={{_base_.data_root}},
                ann_file=f'VOC{year}/ImageSets/Main/trainval.txt',
                data_prefix=dict(sub_data_root=f'VOC{year}/'),
                filter_cfg=dict(filter_empty_gt=False),
                pipeline={{_base_.train_pipeline}},
            )
            for year in (2007, 2012)
        ],
    )
)
