# As discovery_vit_voc12.py, by MOST: several objects per image. For MOST(2) and
# MOST(3) add --cfg-options model.method.granularity=2 (or 3).
# Paper, Table 4, DINO with granularity 1 / 2 / 3: recall 33.9 / 34.1 / 34.1 with
# 3.0 / 7.7 / 12.5 boxes per image.
_base_ = './discovery_vit_voc12.py'

model = dict(method=dict(type='MOST', granularity=1))
