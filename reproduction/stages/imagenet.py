"""ImageNet and what is finetuned and tested from there: the paper's own experiments."""

from functools import partial

from ..paper import claims_of
from ..run import Run, Stage
from .common import ablation, explained, rules, weakly_segmented

_LABELS, _VOC, _MAPS = 'imagenet', 'voc', 'imagenet-s'
_TINY, _SMALL = (f'configs/mmpretrain/wwt_{size}_in1k.py' for size in ('tiny', 'small'))
_DEIT_TINY, _DEIT_SMALL = (
    f'configs/mmpretrain/deit_{size}_in1k.py' for size in ('tiny', 'small')
)
_FIND_WWT = 'configs/mmdet/discovery/discovery_wwt_voc12.py'
_FIND_VIT = 'configs/mmdet/discovery/discovery_vit{}_voc12.py'
_OCL = 'configs/mmseg/ocl/ocl_{}_voc12.py'
_ON_VOC07 = (
    'test_dataloader.dataset.ann_file=VOC2007/ImageSets/Main/trainval.txt',
    'test_dataloader.dataset.data_prefix.sub_data_root=VOC2007/',
)
_FIND_TINY = ('model.backbone.arch=tiny',)
# As Table 2's protocol: annotated training images.
_SEARCH = (
    'test_dataloader.dataset.split=train-semi',
    'test_evaluator.ignore_index=1000',
)
_SLOTS, _MAIN_SLOTS = (16, 32, 64, 128), 64


def _finetuned(
    name: str, config: str, weights: str | None = 'wwt_small'
) -> tuple[Run, Run]:
    return (
        Run(name, 'train', config, _VOC, weights),
        Run(f'{name}_tested', 'test', config, _VOC, name),
    )


_from_scratch = partial(_finetuned, weights=None)


def _ablation(name: str, config: str, *backbone: str) -> tuple[Run, Run, Run]:
    """A config of Table 7; Table 7's models are tiny."""
    path = f'configs/mmpretrain/wwt_tiny_{config}_in1k.py'
    return ablation(
        name,
        (path, path, _FIND_WWT),
        (_LABELS, _VOC),
        discovery=(*_FIND_TINY, *backbone),
        full_only=True,
    )


_RUNS = (
    Run('wwt', 'train', _TINY, _LABELS),
    Run('vit', 'train', _DEIT_TINY, _LABELS),
    Run('wwt_small', 'train', _SMALL, _LABELS),
    Run('vit_small', 'train', _DEIT_SMALL, _LABELS),
    explained('wwt', _TINY, _LABELS, ('class-activation', 'masks')),
    explained('vit', _DEIT_TINY, _LABELS, ('class-token', 'rollout')),
    *weakly_segmented(
        'weak_wwt',
        'configs/mmseg/weak/wwt_tiny_weak_imagenets50.py',
        _MAPS,
        'wwt',
        _SEARCH,
    ),
    *(
        run
        for method in ('attention', 'rollout')
        for run in weakly_segmented(
            f'weak_{method}',
            f'configs/mmseg/weak/deit_tiny_{method}_weak_imagenets50.py',
            _MAPS,
            'vit',
            _SEARCH,
        )
    ),
    Run('found_wwt', 'test', _FIND_WWT, _VOC, 'wwt_small'),
    Run(
        'found_wwt_best',
        'test',
        _FIND_WWT,
        _VOC,
        'wwt_small',
        ('model.max_per_img=1',),
    ),
    Run('found_lost', 'test', _FIND_VIT.format(''), _VOC, 'vit_small'),
    Run('found_last', 'test', _FIND_VIT.format('_last'), _VOC, 'vit_small'),
    # The paper's column VOC12 may be VOC07: docs/paper.md.
    *(
        Run(f'{name}_voc07', 'test', config, _VOC, weights, _ON_VOC07)
        for name, config, weights in (
            ('found_wwt', _FIND_WWT, 'wwt_small'),
            ('found_lost', _FIND_VIT.format(''), 'vit_small'),
            ('found_last', _FIND_VIT.format('_last'), 'vit_small'),
        )
    ),
    *(
        Run(
            f'found_most{n}',
            'test',
            _FIND_VIT.format('_most'),
            _VOC,
            'vit_small',
            (f'model.method.granularity={n}',),
        )
        for n in (1, 2, 3)
    ),
    Run(
        'ocl_zeroshot',
        'test',
        _OCL.format('wwt_zeroshot'),
        _VOC,
        'wwt_small',
    ),
    *_finetuned('ocl', _OCL.format('wwt')),
    *_finetuned('ocl_rgb', _OCL.format('wwt_rgb')),
    *_from_scratch('ocl_slot_attention', _OCL.format('slot_attention')),
    *_from_scratch('ocl_dinosaur', _OCL.format('dinosaur_mlp')),
    *_finetuned('det', 'configs/mmdet/wwt_det_voc07.py'),
    *_finetuned('det_moments', 'configs/mmdet/wwt_det_moments_voc07.py'),
    *_finetuned('det_tokens', 'configs/mmdet/wwt_det_tokens_voc07.py'),
    *_finetuned('seg', 'configs/mmseg/wwt_seg_voc12aug.py'),
    *_finetuned('seg_tokens', 'configs/mmseg/wwt_seg_tokens_voc12aug.py'),
    Run('invariance', 'invariance', _TINY, _LABELS, 'wwt'),
    Run('tiny_found', 'test', _FIND_WWT, _VOC, 'wwt', _FIND_TINY, full_only=True),
    *_ablation('no_mask_mlp', 'no_mask_mlp', 'model.backbone.mask_mlp=False'),
    *_ablation('no_autoencoder', 'no_autoencoder'),
    *(
        run
        for n in _SLOTS
        if n != _MAIN_SLOTS
        for run in _ablation(f'slots{n}', f'slots{n}', f'model.backbone.num_slots={n}')
    ),
    *rules('tiny_found', 'wwt', _FIND_WWT, _VOC, _FIND_TINY),
    *rules(
        'no_mask_mlp',
        'no_mask_mlp',
        _FIND_WWT,
        _VOC,
        (*_FIND_TINY, 'model.backbone.mask_mlp=False'),
    ),
    *rules('no_autoencoder', 'no_autoencoder', _FIND_WWT, _VOC, _FIND_TINY),
)

IMAGENET = Stage(
    name='imagenet',
    title='ImageNet',
    about="The paper's own experiments, each by the config of its table: ImageNet-1k "
    'at 224 pixels for 300 epochs, ImageNet-S50, VOC07 and VOC12.',
    data={
        'imagenet': 'data/imagenet',
        'imagenet-s': 'data/ImageNetS50',
        'voc': 'data/VOCdevkit',
    },
    required={
        'imagenet': ('train', 'val'),
        'imagenet-s': ('train-semi', 'validation'),
        'voc': ('VOC2007/JPEGImages', 'VOC2012/JPEGImages'),
    },
    runs=_RUNS,
    claims=claims_of(_RUNS, _SLOTS, _MAIN_SLOTS, found='tiny_found'),
    seeds=(0,),
)
