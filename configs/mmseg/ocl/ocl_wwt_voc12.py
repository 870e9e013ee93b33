# WWT-OCL on VOC12 (paper, Table 5: 37.5, 39.8 mBO_i, mBO_c).
# Starts from WWT-Small pretrained on ImageNet:
#
#   tools/dist_train.sh configs/mmseg/ocl/ocl_wwt_voc12.py 8 \
#       --cfg-options load_from=work_dirs/wwt_small_in1k/epoch_300.pth
_base_ = [
    '../../_base_/models/ocl_wwt.py',
    '../../_base_/datasets/ocl_voc12.py',
    '../../_base_/schedules/ocl_300k.py',
]

# A pretrained Transformer; not given in the paper.
optim_wrapper = dict(optimizer=dict(lr=1e-4))
