# DeiT's schedule for a batch of 1024 (Table 9 of its paper, and its code where the
# paper leaves something open).
optim_wrapper = dict(
    optimizer=dict(
        type='AdamW',
        fused=True,
        lr=5e-4 * 1024 / 512,
        weight_decay=0.05,
        eps=1e-8,  # code
        betas=(0.9, 0.999),  # code
    ),
    # No weight decay for vectors and embeddings (code). Slots are learned embeddings,
    # as the class token is; the paper does not mention them.
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            '.cls_token': dict(decay_mult=0.0),
            '.pos_embed': dict(decay_mult=0.0),
            'backbone.slots': dict(decay_mult=0.0),
        },
    ),
)

param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-3,  # code: from 1e-6 to 1e-3
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,  # code
        by_epoch=True,
        begin=5,
        end=300,
        convert_to_iter_based=True,
    ),
]

train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# `--auto-scale-lr` fits the learning rate to other batch sizes, linearly, as DeiT does.
auto_scale_lr = dict(base_batch_size=1024)
