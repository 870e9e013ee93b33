# Object discovery on VOC 2012 trainval, by LOST's protocol. See docs/datasets.md.
_base_ = './discovery_voc07.py'

test_dataloader = dict(
    dataset=dict(
        ann_file='VOC2012/ImageSets/Main/trainval.txt',
        data_prefix=dict(sub_data_root='VOC2012/'),
    )
)
