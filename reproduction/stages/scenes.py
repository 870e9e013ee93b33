"""Generated scenes: every claim on a CPU."""

from dataclasses import replace

from ..claims import Claim, Quantity, Row
from ..paper import claims_of
from ..run import Run, Stage
from .common import ablation, explained, rules, weakly_segmented

_LABELS, _BOXES = 'scenes/classification', 'scenes'
_WWT, _VIT = 'configs/mmpretrain/wwt_scenes.py', 'configs/mmpretrain/vit_scenes.py'
_FIND_WWT = 'configs/mmdet/discovery/discovery_wwt_scenes.py'
_FIND_VIT = 'configs/mmdet/discovery/discovery_vit_scenes.py'
_WEAK_WWT = 'configs/mmseg/weak/wwt_weak_scenes.py'
_WEAK_VIT = 'configs/mmseg/weak/vit_attention_weak_scenes.py'
# Thresholds are chosen on images that are neither trained nor reported on.
_SEARCH = ('test_dataloader.dataset.ann_file=VOC2007/ImageSets/Segmentation/val.txt',)
# What runs of their own test need not be validated while it is trained.
_UNWATCHED = 'train_cfg.val_begin=1000000'
# Three epochs less than the configs have, as in the demo: 390 iterations.
_SHORTER = ('train_cfg.max_epochs=5', 'param_scheduler.1.end=5', _UNWATCHED)
# What suits LOST and MOST on these small images: finer grids, and values, not keys.
_FINER = (
    'model.method.features=value',
    'test_dataloader.dataset.pipeline.1.scale=(128,128)',
    'test_dataloader.batch_size=8',
)
_YOLOS, _EOMT = 'configs/mmdet/yolos_scenes.py', 'configs/mmseg/eomt_scenes.py'
_PROBABILITIES = 'model.head.average_of=probabilities'
_SLOTS, _MAIN_SLOTS = (4, 16, 32), 16


def _finetuned(
    name: str, config: str, options: tuple[str, ...] = (), full_only: bool = False
) -> tuple[Run, Run]:
    return _trained_and_tested(name, config, 'wwt', options, full_only)


def _object_centric(
    name: str,
    config: str,
    weights: str | None,
    teacher: bool = False,
    full_only: bool = False,
    options: tuple[str, ...] = (),
) -> tuple[Run, Run]:
    config = f'configs/mmseg/ocl/{config}_scenes.py'
    if teacher:
        options = ('model.target.checkpoint=<vit>', *options)
    return _trained_and_tested(name, config, weights, options, full_only)


def _trained_and_tested(
    name: str,
    config: str,
    weights: str | None,
    options: tuple[str, ...],
    full_only: bool,
) -> tuple[Run, Run]:
    training = (*options, _UNWATCHED)
    return (
        Run(name, 'train', config, _BOXES, weights, training, (), full_only),
        Run(f'{name}_tested', 'test', config, _BOXES, name, options, (), full_only),
    )


def _found(name: str, model: str, *options: str) -> Run:
    config = _FIND_WWT if model == 'wwt' else _FIND_VIT
    return Run(f'found_{name}', 'test', config, _BOXES, model, options)


def _ablation(name: str, full_only: bool = False, **options) -> tuple[Run, Run, Run]:
    options['options'] = (*_SHORTER, *options.get('options', ()))
    configs = (_WWT, _WWT, _FIND_WWT)
    return ablation(name, configs, (_LABELS, _BOXES), full_only=full_only, **options)


_RUNS = (
    Run('wwt', 'train', _WWT, _LABELS, options=_SHORTER),
    Run('vit', 'train', _VIT, _LABELS, options=_SHORTER),
    # Finetuning is what the longest chains end with, so it comes first.
    *_finetuned(
        'det',
        'configs/mmdet/wwt_det_scenes.py',
        ('model.bbox_head.box_reference=none', 'model.bbox_head.temperature=1.0'),
        full_only=True,
    ),
    *_finetuned('det_tokens', 'configs/mmdet/wwt_det_tokens_scenes.py', full_only=True),
    *_finetuned('seg', 'configs/mmseg/wwt_seg_scenes.py'),
    *_finetuned('seg_tokens', 'configs/mmseg/wwt_seg_tokens_scenes.py'),
    # Other models without a decoder, on a ViT of as many MACs
    Run(
        'vit4',
        'train',
        _VIT,
        _LABELS,
        options=(*_SHORTER, 'model.backbone.arch.num_layers=4'),
        full_only=True,
    ),
    *_trained_and_tested('det_yolos', _YOLOS, 'vit4', (), True),
    *_trained_and_tested('seg_eomt', _EOMT, 'vit4', (), True),
    *_object_centric('ocl', 'ocl_wwt', 'wwt', teacher=True),
    *_object_centric('ocl_rgb', 'ocl_wwt_rgb', 'wwt'),
    Run(
        'ocl_zeroshot',
        'test',
        'configs/mmseg/ocl/ocl_wwt_zeroshot_scenes.py',
        _BOXES,
        'wwt',
    ),
    Run(
        'ocl_zeroshot_first',
        'test',
        'configs/mmseg/ocl/ocl_wwt_zeroshot_scenes.py',
        _BOXES,
        'wwt',
        ('model.grouping.num_slots=5',),
    ),
    explained('wwt', _WWT, _LABELS, ('class-activation', 'masks')),
    explained('vit', _VIT, _LABELS, ('class-token', 'rollout')),
    *weakly_segmented('weak_wwt', _WEAK_WWT, _BOXES, 'wwt', _SEARCH),
    *weakly_segmented('weak_attention', _WEAK_VIT, _BOXES, 'vit', _SEARCH),
    *weakly_segmented(
        'weak_rollout', _WEAK_VIT, _BOXES, 'vit', _SEARCH, ('model.method=rollout',)
    ),
    _found('wwt', 'wwt'),
    _found('wwt_best', 'wwt', 'model.max_per_img=1'),
    _found('wwt_two', 'wwt', 'model.max_per_img=2'),
    _found('lost', 'vit', *_FINER),
    _found('last', 'vit', 'model.method.type=LaSt'),
    *(
        _found(
            f'most{n}',
            'vit',
            'model.method.type=MOST',
            f'model.method.granularity={n}',
            *_FINER,
        )
        for n in (1, 2, 3)
    ),
    Run('invariance', 'invariance', _WWT, _LABELS, 'wwt'),
    *_ablation('no_mask_mlp', backbone=('model.backbone.mask_mlp=False',)),
    *_ablation('no_autoencoder', options=('model.autoencoding_head=None',)),
    *_finetuned('det_moments', 'configs/mmdet/wwt_det_scenes.py', full_only=True),
    # Readings of the paper that are as plausible as ours
    *_finetuned(
        'det_unnormed',
        'configs/mmdet/wwt_det_scenes.py',
        ('model.bbox_head.norm_pooled=False',),
        full_only=True,
    ),
    *_object_centric(
        'ocl_mixed',
        'ocl_wwt',
        'wwt',
        teacher=True,
        full_only=True,
        options=(
            'model.decoder.competition=features',
            'model.decoder.positions=False',
        ),
    ),
    *(
        replace(run, full_only=True)
        for name, options in (
            ('heads', ('model.rectify_heads=True',)),
            ('all', ('model.classes_from=all',)),
            ('all_average', ('model.classes_from=all', 'model.average=True')),
        )
        for run in weakly_segmented(
            f'weak_wwt_{name}', _WEAK_WWT, _BOXES, 'wwt', _SEARCH, options
        )
    ),
    *_ablation(
        'probabilities',
        full_only=True,
        options=(_PROBABILITIES,),
        accuracy=(_PROBABILITIES,),
    ),
    *(
        run
        for n in _SLOTS
        if n != _MAIN_SLOTS
        for run in _ablation(
            f'slots{n}', full_only=True, backbone=(f'model.backbone.num_slots={n}',)
        )
    ),
    *_object_centric('ocl_slot_attention', 'ocl_slot_attention', None, full_only=True),
    *_object_centric(
        'ocl_dinosaur', 'ocl_dinosaur_mlp', None, teacher=True, full_only=True
    ),
    *_ablation(
        'norm_scores', full_only=True, backbone=('model.backbone.norm_scores=True',)
    ),
    *_ablation(
        'small_slots', full_only=True, options=('model.backbone.slot_init_std=0.02',)
    ),
    *rules('found_wwt', 'wwt', _FIND_WWT, _BOXES),
    *rules(
        'no_mask_mlp',
        'no_mask_mlp',
        _FIND_WWT,
        _BOXES,
        ('model.backbone.mask_mlp=False',),
    ),
    *rules('no_autoencoder', 'no_autoencoder', _FIND_WWT, _BOXES),
)


def _peers() -> Claim:
    rows = (
        ('WWT-DET with our head, WWT-SEG', 'det_moments', 'seg'),
        ('YOLOS, EoMT', 'det_yolos', 'seg_eomt'),
    )
    return Claim(
        10,
        'peers',
        'Other models without a decoder: queries in a plain ViT, not in the paper',
        ('mAP', 'mIoU'),
        tuple(
            Row(
                label,
                (
                    Quantity(f'{boxes}_tested', 'pascal_voc/mAP', scale=100.0),
                    Quantity(f'{labels}_tested', 'mIoU'),
                ),
            )
            for label, boxes, labels in rows
        ),
        (),
        'Of as many MACs, pretrained and finetuned alike; see docs/detection.md.',
    )


SCENES = Stage(
    name='scenes',
    title='Generated scenes',
    about='Images of 64 pixels with one to four of ten shapes on textured ground '
    '(`tools/dataset_converters/make_scenes.py`, default options); models of 6 blocks '
    'and 96 channels on patches of 8 pixels, WWT with 16 slots, pretrained for 5 '
    'epochs on 10,000 labelled images. All seeds share the data.',
    data={'scenes': 'data/scenes'},
    prepare=('tools/dataset_converters/make_scenes.py', '{scenes}'),
    runs=_RUNS,
    claims=(*claims_of(_RUNS, _SLOTS, _MAIN_SLOTS), _peers()),
)
