# WWT-DET with boxes decoded around the masks' centroid and spread (ours). The sharper
# softmax was chosen on generated scenes; docs/detection.md has the numbers.
_base_ = './wwt_det_voc07.py'

model = dict(bbox_head=dict(box_reference='mask_moments', temperature=0.25))
