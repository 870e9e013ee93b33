# As discovery_vit_voc12.py, by the patches that LaSt selects.
# Paper, Table 3: DeiT with LaSt 29.7 CorLoc.
_base_ = './discovery_vit_voc12.py'

model = dict(method=dict(type='LaSt'))
