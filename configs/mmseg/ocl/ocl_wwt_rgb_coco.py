# WWT-OCL, RGB on COCO (paper, Table 5: 14.9, 16.3 mBO_i, mBO_c).
# Starts from WWT-Small pretrained on ImageNet:
#
#   tools/dist_train.sh configs/mmseg/ocl/ocl_wwt_rgb_coco.py 8 \
#       --cfg-options load_from=work_dirs/wwt_small_in1k/epoch_300.pth
_base_ = [
    '../../_base_/models/ocl_wwt_rgb.py',
    '../../_base_/datasets/ocl_coco.py',
    '../../_base_/schedules/ocl_300k.py',
]

model = dict(grouping=dict(num_slots=7))
# A pretrained Transformer; not given in the paper.
optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_cfg = dict(max_iters=500000)
