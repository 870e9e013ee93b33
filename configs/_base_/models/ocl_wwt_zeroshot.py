# A pretrained WWT without finetuning. Which of its masks compete is not given in the
# paper; those that would be finetuned, or, with model.grouping.num_slots=None, all 64.
_base_ = './ocl_wwt.py'

model = dict(decoder=None, target=None)
