"""Photographs: Tiny-ImageNet for labels, animals of VOC for all else."""

from dataclasses import replace
from functools import partial

from ..claims import Claim
from ..paper import figure_7, restrict, table_1, table_7
from ..paper_photos import (
    by_class,
    foreground,
    heads,
    object_centric,
    one_object,
    several_objects,
)
from ..run import Run, Stage
from .common import explained, weakly_segmented

_TINY, _VOC = 'tiny-imagenet', 'voc'
_LABELS = 'configs/mmpretrain/{}_micro_tinyimagenet.py'
_WWT, _VIT, _MAE = map(_LABELS.format, ('wwt', 'vit', 'mae_vit'))
_FIND = 'configs/mmdet/discovery/discovery_{}_{}.py'
_SEG, _OCL = 'configs/mmseg/wwt_seg{}_micro_voc12.py', 'configs/mmseg/ocl/ocl_{}.py'
_SEARCH = ('test_dataloader.dataset.ann_file=VOC2012/ImageSets/Segmentation/train.txt',)
_SLOTS, _MAIN_SLOTS = (8, 16, 32), 16
# A quarter of the length; ablations are compared with one another.
_SHORT = (
    'train_cfg.max_epochs=3',
    'param_scheduler.1.end=3',
    'custom_hooks.4.schedule.0.action_epoch=3',
)

# What is moved over what, for Fig. 7.
_OBJECTS = ('--cutouts', '{voc}/VOC2012')
_PHOTOGRAPHS = ('--background', '{voc}/VOC2012/JPEGImages')
_MOVED = (
    ('invariance', 'shapes over grey', ()),
    ('invariance_photos', 'shapes over photographs', _PHOTOGRAPHS),
    ('invariance_objects', 'objects over grey', _OBJECTS),
    (
        'invariance_objects_photos',
        'objects over photographs',
        (*_OBJECTS, *_PHOTOGRAPHS),
    ),
)

# What --quick takes of each: enough to see that everything works.
_ONE_EPOCH = ('train_cfg.max_epochs=1',)
_FEW_LABELS = (
    *_ONE_EPOCH,
    'train_dataloader.dataset.step=80',
    'val_dataloader.dataset.step=50',
)
_FEW_TINY = ('test_dataloader.dataset.step=100',)
_FEW = ('test_dataloader.dataset.indices=16',)
_FEW_TRAINED = (*_ONE_EPOCH, 'train_dataloader.dataset.indices=32')

_RULE = ('normalise', 'threshold', 'concentration', 'rank', 'min_area', 'max_area')


def _rule(run: str, key: str = 'model.method') -> tuple[str, ...]:
    """What the search ``run`` has found."""
    return tuple(f'{key}.{option}=<{run}:rule/{option}>' for option in _RULE)


def _searched(
    prefix: str, model: str, weights: str, method: str, *more: str, name: str = ''
) -> Run:
    """The search for a rule on training images."""
    name = name or f'{prefix}_{weights}_rule'
    options = (
        *more,
        'model.method.type=EachRule',
        f'model.method.method.type={method}',
        'test_evaluator.0.type=RuleSearch',
    )
    if prefix == 'tiny':
        options += (
            'test_dataloader.dataset.split=train',
            'test_dataloader.dataset.step=50',
        )
        few = ('test_dataloader.dataset.step=1000',)
    else:
        options += (
            'test_dataloader.dataset.ann_file=VOC2012/ImageSets/Main/train.txt',
        )
        few = _FEW
    return _discovered(name, prefix, model, weights, *options, few=few)


def _discovered(
    name: str,
    prefix: str,
    model: str,
    weights: str,
    *options: str,
    few: tuple[str, ...] | None = None,
    full_only: bool = False,
) -> Run:
    data, root = ('tinyimagenet', _TINY) if prefix == 'tiny' else ('micro_voc12', _VOC)
    few = few or (_FEW_TINY if prefix == 'tiny' else _FEW)
    config = _FIND.format(model, data)
    return Run(name, 'test', config, root, weights, options, (), full_only, few)


def _one_object(prefix: str) -> tuple[Run, ...]:
    """Every method on one set of photographs."""

    def by(name: str, model: str, weights: str, *options: str) -> Run:
        return _discovered(f'{prefix}_{name}', prefix, model, weights, *options)

    wwt, vit = f'{prefix}_wwt_rule', f'{prefix}_vit_rule'
    attention = 'model.method.type=ClassTokenAttention'
    return (
        _searched(prefix, 'wwt', 'wwt', 'MaskThreshold'),
        _searched(prefix, 'vit', 'vit', 'ClassTokenAttention'),
        by('whole', 'wwt', 'wwt', 'model.method.type=CentreBox'),
        by(
            'centre',
            'wwt',
            'wwt',
            'model.method.type=CentreBox',
            'model.method.side=0.5',
        ),
        by(
            'random',
            'wwt',
            'wwt',
            'model.method.type=RandomBoxes',
            'model.method.method.type=MaskThreshold',
            *_rule(wwt, 'model.method.method'),
        ),
        by('attention', 'vit', 'vit', attention, *_rule(vit)),
        by('lost', 'vit', 'vit'),
        by('cut', 'vit', 'vit', 'model.method.type=TokenCut'),
        by('last', 'vit', 'vit', 'model.method.type=LaSt'),
        by('mae', 'vit', 'mae'),
        _searched(prefix, 'wwt', 'untrained', 'MaskThreshold'),
        by('untrained', 'wwt', 'untrained', *_rule(f'{prefix}_untrained_rule')),
        by('default', 'wwt', 'wwt'),
        by('wwt', 'wwt', 'wwt', *_rule(wwt)),
    )


def _several_objects() -> tuple[Run, ...]:
    """At most a box per slot, by the rule that recalls most objects with as many."""
    rule, untrained = 'found_several_rule', 'found_several_untrained_rule'
    top, most = f'model.method.top={_MAIN_SLOTS}', f'model.max_per_img={_MAIN_SLOTS}'
    recall = (top, 'test_evaluator.0.objective=recall')
    masks = 'model.method.method.type=MaskThreshold'
    random = ('model.method.type=RandomBoxes', masks)
    return (
        _searched('found', 'wwt', 'wwt', 'MaskThreshold', *recall, name=rule),
        _discovered('found_several', 'found', 'wwt', 'wwt', most, *_rule(rule)),
        _searched(
            'found', 'wwt', 'untrained', 'MaskThreshold', *recall, name=untrained
        ),
        _discovered(
            'found_several_untrained',
            'found',
            'wwt',
            'untrained',
            most,
            *_rule(untrained),
        ),
        _discovered(
            'found_several_random',
            'found',
            'wwt',
            'wwt',
            most,
            *random,
            *_rule(rule, 'model.method.method'),
        ),
    )


def _most(prefix: str, weights: str) -> tuple[Run, ...]:
    return tuple(
        _discovered(
            f'found_{prefix}{n}',
            'found',
            'vit',
            weights,
            'model.method.type=MOST',
            f'model.method.granularity={n}',
            few=('test_dataloader.dataset.indices=4',),
        )
        for n in (1, 2, 3)
    )


def _finetuned(
    name: str,
    config: str,
    weights: str | None = 'wwt',
    options: tuple[str, ...] = (),
    root: str = _VOC,
    few: tuple[str, ...] = _FEW_TRAINED,
    few_tested: tuple[str, ...] = _FEW,
) -> tuple[Run, Run]:
    """A training whose validation is its test, after it."""
    loop = 'val_interval' if 'ocl_' in config else 'val_begin'
    training = (*options, f'train_cfg.{loop}=1000000')
    return (
        Run(name, 'train', config, root, weights, training, (), False, few),
        Run(f'{name}_tested', 'test', config, root, name, options, quick=few_tested),
    )


_boxes = partial(
    _finetuned,
    root=_TINY,
    few=(*_ONE_EPOCH, 'train_dataloader.dataset.step=500'),
    few_tested=_FEW_TINY,
)


def _detected(prefix: str, data: str, finetuned) -> tuple[Run, ...]:
    config = f'configs/mmdet/wwt_det{{}}_micro_{data}.py'
    paper = ('model.bbox_head.box_reference=none', 'model.bbox_head.temperature=1.0')
    return (
        *finetuned(f'{prefix}det', config.format(''), options=paper),
        *finetuned(f'{prefix}det_tokens', config.format('_tokens')),
        *finetuned(f'{prefix}det_moments', config.format('')),
    )


def _object_centric(
    name: str, config: str, weights: str | None, teacher: bool = False
) -> tuple[Run, Run]:
    return _finetuned(
        name,
        _OCL.format(f'{config}_micro_voc12'),
        weights,
        ('model.target.checkpoint=<mae>',) if teacher else (),
        few=('train_cfg.max_iters=4', 'train_dataloader.batch_size=4'),
    )


def _weak(name: str, model: str, weights: str, *options: str) -> tuple[Run, Run]:
    config = f'configs/mmseg/weak/{model}_weak_micro_voc12.py'
    runs = weakly_segmented(name, config, _VOC, weights, _SEARCH, options)
    return tuple(replace(run, quick=_FEW) for run in runs)


def _ablation(name: str, *backbone: str, training: tuple[str, ...] = ()) -> tuple:
    """A short training, its accuracy and its discoveries by the rule of ``short``."""
    found = _rule('tiny_short_rule')
    options = (*_SHORT, *training, *backbone)
    train = Run(name, 'train', _WWT, _TINY, None, options, (), True)
    rule = ()
    if name == 'short':
        search = _searched('tiny', 'wwt', name, 'MaskThreshold')
        rule = (replace(search, full_only=True),)
    return (
        train,
        *rule,
        Run(f'{name}_accuracy', 'test', _WWT, _TINY, name, backbone, (), True),
        _discovered(
            f'{name}_found', 'tiny', 'wwt', name, *backbone, *found, full_only=True
        ),
    )


_RUNS = (
    *(
        Run(name, 'train', config, _TINY, quick=few, validates=name != 'mae')
        for name, config, few in (
            ('wwt', _WWT, _FEW_LABELS),
            ('vit', _VIT, _FEW_LABELS),
            ('mae', _MAE, _FEW_LABELS[:2]),
        )
    ),
    # What masks are worth before they have learned anything.
    Run(
        'untrained',
        'train',
        _WWT,
        _TINY,
        options=(
            'optim_wrapper.optimizer.lr=0',
            'train_cfg.max_epochs=1',
            'train_cfg.val_begin=1000000',
            'train_dataloader.dataset.indices=128',
        ),
        quick=('train_dataloader.batch_size=8', 'train_dataloader.dataset.indices=8'),
    ),
    # The longest first.
    *_detected('tiny_', 'tinyimagenet', _boxes),
    *_detected('', 'voc12', _finetuned),
    *_finetuned('seg', _SEG.format('')),
    *_finetuned('seg_tokens', _SEG.format('_tokens')),
    # Other models without a decoder, on the ViT
    *_finetuned('det_yolos', 'configs/mmdet/yolos_micro_voc12.py', 'vit'),
    *_finetuned('seg_eomt', 'configs/mmseg/eomt_micro_voc12.py', 'vit'),
    *_object_centric('ocl', 'wwt', 'wwt', teacher=True),
    *_object_centric('ocl_rgb', 'wwt_rgb', 'wwt'),
    *_object_centric('ocl_slot_attention', 'slot_attention', None),
    *_object_centric('ocl_dinosaur', 'dinosaur_mlp', None, teacher=True),
    *(
        Run(
            name,
            'test',
            _OCL.format('wwt_zeroshot_micro_voc12'),
            _VOC,
            weights,
            options,
            quick=_FEW,
        )
        for name, weights, options in (
            ('ocl_zeroshot', 'wwt', ()),
            ('ocl_zeroshot_untrained', 'untrained', ()),
            ('ocl_zeroshot_first', 'wwt', ('model.grouping.num_slots=6',)),
        )
    ),
    *(
        replace(run, quick=_FEW_TINY)
        for run in (
            explained('wwt', _WWT, _TINY, ('class-activation', 'masks')),
            explained('vit', _VIT, _TINY, ('class-token', 'rollout')),
        )
    ),
    *_weak('weak_wwt', 'wwt', 'wwt'),
    *_weak(
        'weak_masks',
        'wwt',
        'wwt',
        'model.num_classes=1',
        f'model.class_map=[{",".join("1" * 100)}]',
    ),
    *_weak('weak_attention', 'vit_attention', 'vit'),
    *_weak('weak_rollout', 'vit_attention', 'vit', 'model.method=rollout'),
    *_one_object('tiny'),
    *_one_object('found'),
    *_several_objects(),
    *_most('most', 'vit'),
    *_most('mae_most', 'mae'),
    *(
        Run(name, 'invariance', _WWT, _TINY, 'wwt', arguments=arguments)
        for name, _, arguments in _MOVED
    ),
    *_ablation('short'),
    *_ablation('no_mask_mlp', 'model.backbone.mask_mlp=False'),
    *_ablation('no_autoencoder', training=('model.autoencoding_head=None',)),
    *(
        run
        for n in _SLOTS
        if n != _MAIN_SLOTS
        for run in _ablation(f'slots{n}', f'model.backbone.num_slots={n}')
    ),
)


def _ablations() -> Claim:
    """Table 7, of a shorter training."""
    claim = table_7(_SLOTS, _MAIN_SLOTS, 'short_found', main='short')
    note = (
        f'{claim.note} Trained for 3 epochs; CorLoc, recall and boxes are those of '
        'small objects of Tiny-ImageNet val, all by the rule that is best on training '
        'images with everything and 16 slots.'
    )
    return replace(claim, note=note)


PHOTOS = Stage(
    name='photos',
    title='Photographs',
    about='Photographs of 64 pixels of Tiny-ImageNet (100 of its classes) for labels '
    'and, for the rest, 732 of Pascal VOC 2012 with animals, at 64 to 128 pixels; '
    'models of 6 blocks on patches of 4 pixels, WWT with 16 slots '
    '(`configs/mmpretrain/*_micro_tinyimagenet.py`).',
    data={_TINY: 'data/tiny-imagenet-200', _VOC: 'data/VOCdevkit'},
    required={
        _TINY: ('train', 'val/images'),
        _VOC: ('VOC2012/JPEGImages', 'VOC2012/SegmentationObject'),
    },
    runs=_RUNS,
    claims=tuple(
        restrict(claim, {run.name for run in _RUNS})
        for claim in (
            table_1(),
            foreground(),
            one_object(),
            several_objects(),
            object_centric(),
            heads(),
            _ablations(),
            figure_7([(run, label) for run, label, _ in _MOVED]),
            by_class(
                (
                    ('AP50, head on tokens', 'det_tokens_tested'),
                    ("AP50, head on masks, the paper's", 'det_tested'),
                    ('AP50, head on masks, ours', 'det_moments_tested'),
                    ('AP50, YOLOS on the ViT', 'det_yolos_tested'),
                    ('IoU, head on tokens', 'seg_tokens_tested'),
                    ('IoU, head on masks', 'seg_tested'),
                    ('IoU, EoMT on the ViT', 'seg_eomt_tested'),
                )
            ),
        )
    ),
)
