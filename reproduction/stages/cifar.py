"""CIFAR-10: the claims that need labels only, on photographs; a GPU is advised."""

from ..paper import claims_of
from ..run import Run, Stage
from .common import explained

_ROOT = 'cifar10'
_WWT, _VIT = 'configs/mmpretrain/wwt_cifar10.py', 'configs/mmpretrain/vit_cifar10.py'
_SLOTS, _MAIN_SLOTS = (4, 8, 16, 32), 16


def _variant(name: str, *options: str, full_only: bool = False) -> tuple[Run, Run]:
    """A training and its accuracy; there are no boxes to discover."""
    return (
        Run(name, 'train', _WWT, _ROOT, None, options, (), full_only),
        Run(f'{name}_accuracy', 'test', _WWT, _ROOT, name, options, (), full_only),
    )


_RUNS = (
    Run('wwt', 'train', _WWT, _ROOT),
    Run('vit', 'train', _VIT, _ROOT),
    explained('wwt', _WWT, _ROOT, ('class-activation', 'masks')),
    explained('vit', _VIT, _ROOT, ('class-token', 'rollout')),
    Run('invariance', 'invariance', _WWT, _ROOT, 'wwt'),
    *_variant('no_mask_mlp', 'model.backbone.mask_mlp=False', full_only=True),
    *_variant('no_autoencoder', 'model.autoencoding_head=None', full_only=True),
    *(
        run
        for n in _SLOTS
        if n != _MAIN_SLOTS
        for run in _variant(
            f'slots{n}', f'model.backbone.num_slots={n}', full_only=True
        )
    ),
)

CIFAR = Stage(
    name='cifar',
    title='CIFAR-10',
    about='Photographs of 32 pixels; models of 6 blocks and 96 channels on patches of '
    '4 pixels, WWT with 16 slots. The recipe has 50 epochs. There are no boxes and no '
    'label maps.',
    data={'cifar10': 'data/cifar10'},
    required={'cifar10': ('train', 'test')},
    runs=_RUNS,
    claims=claims_of(_RUNS, _SLOTS, _MAIN_SLOTS),
)
