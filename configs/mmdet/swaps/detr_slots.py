# detr.py, whose queries begin as the slots of WWT. Their number is that of the slots.
_base_ = './detr.py'
custom_imports = dict(imports=['wwt_mm.detection'], allow_failed_imports=False)

model = dict(
    type='SlotDETR',
    num_queries=64,
    backbone=dict(out_type='slot_masks'),
    neck=dict(_delete_=True, type='TokensBesideSlots', neck={{_base_.model.neck}}),
    test_cfg=dict(max_per_img=64),
)
