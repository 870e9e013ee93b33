# As discovery_vit_coco20k.py, by the patches that LaSt selects.
# Paper, Table 3: DeiT with LaSt 23.1 CorLoc.
_base_ = './discovery_vit_coco20k.py'

model = dict(method=dict(type='LaSt'))
