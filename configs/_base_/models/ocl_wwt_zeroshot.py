# A pretrained WWT without finetuning. Which of its masks compete is not given in the
# paper: here all. The first six alone are arbitrary before they are finetuned, and
# on scenes explain next to nothing (docs/object_centric.md).
_base_ = './ocl_wwt.py'

model = dict(grouping=dict(num_slots=None), decoder=None, target=None)
