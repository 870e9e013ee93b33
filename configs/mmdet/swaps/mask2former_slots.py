# mask2former.py, whose queries begin as the slots of WWT and attend first to where its
# masks are. Their number is that of the slots.
_base_ = './mask2former.py'
custom_imports = dict(imports=['wwt_mm.detection'], allow_failed_imports=False)

model = dict(
    backbone=dict(out_type='slot_masks'),
    neck=dict(_delete_=True, type='TokensBesideSlots', neck={{_base_.model.neck}}),
    panoptic_head=dict(type='SlotMask2FormerHead', num_queries=64, slot_channels=384),
)
