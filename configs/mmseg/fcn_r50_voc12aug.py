# The baseline of Table 6 (66.5 mIoU): mmseg's fcn_r50-d8_4xb4-20k_voc12aug-512x512, for
# which mmseg reports 67.08. Only padding differs: mean colour here, black there.
#
# The paper does not say what it starts from; mmseg, from its resnet50_v1c. Nothing is
# downloaded here: give that file. Without a GPU set the norms:
#
#   python tools/train.py configs/mmseg/fcn_r50_voc12aug.py --cfg-options \
#       model.backbone.init_cfg.checkpoint=FILE \
#       model.backbone.norm_cfg.type=BN model.decode_head.norm_cfg.type=BN \
#       model.auxiliary_head.norm_cfg.type=BN
_base_ = [
    '../_base_/models/fcn_r50_seg.py',
    '../_base_/datasets/voc12_seg_aug.py',
    '../_base_/schedules/fcn_20k.py',
]
