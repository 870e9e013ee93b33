# The ViT of vit_micro_tinyimagenet.py, pretrained on the same photographs, no labels,
# as a masked autoencoder: for discovery, and a teacher for configs/mmseg/ocl. Crops of
# 48 pixels take half of the time of 64; position embeddings are resized for more.
# Every value is our choice for so small a model; none is from the paper.
_base_ = ['./mae_vit_scenes.py']
custom_imports = dict(
    imports=['wwt_mm.classification', 'wwt_mm.datasets.tiny_imagenet'],
    allow_failed_imports=False,
)

model = dict(
    backbone=dict(img_size=48, patch_size=4),
    neck=dict(num_patches=144, patch_size=4),
    # Each patch's own contrast: the usual target on photographs.
    head=dict(norm_pix=True, patch_size=4),
)

data_root = 'data/tiny-imagenet-200'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='TinyImageNet',
        data_root=data_root,
        split='train',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(
                type='RandomResizedCrop',
                scale=48,
                crop_ratio_range=(0.4, 1.0),
                backend='cv2',
            ),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='PackInputs'),
        ],
    )
)

max_epochs = 8  # 3,120 iterations with 100 classes
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=500),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=max_epochs)
