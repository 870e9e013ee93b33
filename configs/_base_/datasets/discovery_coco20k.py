# Object discovery on COCO20k, by LOST's protocol. See docs/datasets.md.
_base_ = './discovery_voc07.py'
data_root = 'data/coco/'

test_dataloader = dict(
    dataset=dict(
        type='Coco20kDataset',
        data_root=data_root,
        ann_file='annotations/instances_train2014.json',
        image_list='annotations/coco_20k_filenames.txt',
        data_prefix=dict(_delete_=True, img='train2014/'),
    )
)
