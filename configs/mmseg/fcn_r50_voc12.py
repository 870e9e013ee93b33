# The baseline of Table 6 (66.5 mIoU): mmseg's FCN with ResNet-50, our data and length.
#
# The paper does not say what it starts from. Nothing is downloaded here: give weights
# of a ResNet-50 trained on ImageNet (torchvision's fit). Without a GPU set the norms:
#
#   python tools/train.py configs/mmseg/fcn_r50_voc12.py --cfg-options \
#       model.backbone.init_cfg.type=Pretrained \
#       model.backbone.init_cfg.checkpoint=FILE \
#       model.backbone.norm_cfg.type=BN model.decode_head.norm_cfg.type=BN \
#       model.auxiliary_head.norm_cfg.type=BN
_base_ = [
    '../_base_/models/fcn_r50_seg.py',
    '../_base_/datasets/voc12_seg.py',
    '../_base_/schedules/seg_20k.py',
]

# mmseg's own optimizer settings.
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=0.0005),
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-4, begin=0, end=20000, by_epoch=False)
]
