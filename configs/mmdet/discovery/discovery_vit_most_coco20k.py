# As discovery_vit_coco20k.py, by MOST: several objects per image. For MOST(2) and
# MOST(3) add --cfg-options model.method.granularity=2 (or 3).
# Paper, Table 4, DINO with granularity 1 / 2 / 3: recall 12.4 / 13.7 / 13.6 with
# 4.9 / 11.5 / 14.8 boxes per image.
_base_ = './discovery_vit_coco20k.py'

model = dict(method=dict(type='MOST', granularity=1))
