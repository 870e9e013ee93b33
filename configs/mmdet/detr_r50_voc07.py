# The baseline of Table 6 (72.2 mAP): mmdet's DETR-R50, its recipe and run-time
# settings, with the data of wwt_det_voc07.py.
#
# The paper does not say what its detector starts from; mmdet, from a ResNet-50 of
# ImageNet (torchvision's), whose norms and first stage stay as they are. Nothing is
# downloaded here: --cfg-options model.backbone.init_cfg.checkpoint=FILE, or a DETR by
# --cfg-options model.backbone.init_cfg=None load_from=FILE.
_base_ = ['mmdet::detr/detr_r50_8xb2-150e_coco.py', '../_base_/guards.py']

# mmdet runs without compiled ops once wwt_mm is there.
custom_imports = dict(imports=['wwt_mm.engine'], allow_failed_imports=False)

model = dict(
    backbone=dict(init_cfg=dict(checkpoint='data/resnet50.pth')),
    bbox_head=dict(num_classes=20),
)

data_root = 'data/VOCdevkit/'
train_dataloader = dict(
    # VOC images are of few shapes; the WWT configs draw freely, so does this one.
    batch_sampler=None,
    dataset=dict(
        _delete_=True,
        type='VOCDataset',
        data_root=data_root,
        ann_file='VOC2007/ImageSets/Main/trainval.txt',
        data_prefix=dict(sub_data_root='VOC2007/'),
        filter_cfg=dict(filter_empty_gt=False),
        pipeline={{_base_.train_pipeline}},
    ),
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='VOCDataset',
        data_root=data_root,
        ann_file='VOC2007/ImageSets/Main/test.txt',
        data_prefix=dict(sub_data_root='VOC2007/'),
        test_mode=True,
        pipeline={{_base_.test_pipeline}},
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True, type='VOCMetric', metric='mAP', eval_mode='11points'
)
test_evaluator = val_evaluator

default_hooks = dict(
    checkpoint=dict(
        type='wwt_mm.guards.AtomicCheckpointHook',
        interval=5,
        max_keep_ckpts=3,
        save_best='pascal_voc/mAP',
    )
)
