# WWT-DET with boxes decoded around the masks' centroid and spread (ours).
_base_ = './wwt_det_voc07.py'

model = dict(bbox_head=dict(box_reference='mask_moments'))
