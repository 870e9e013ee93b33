"""Groups of runs that stages share."""

from ..paper import RULES
from ..run import Run


def explained(name: str, config: str, root: str, methods: tuple[str, ...]) -> Run:
    """Accuracy and explanations of a classifier."""
    return Run(
        f'{name}_explained',
        'explain',
        config,
        root,
        weights=name,
        arguments=('--method', *methods),
    )


def weakly_segmented(
    name: str,
    config: str,
    root: str,
    weights: str,
    search: tuple[str, ...],
    options: tuple[str, ...] = (),
) -> tuple[Run, Run]:
    """The search for a threshold on images of its own, and the test with it."""
    threshold = f'{name}_threshold'
    return (
        Run(
            threshold,
            'test',
            config,
            root,
            weights,
            (*options, 'test_evaluator.type=ThresholdSearch', *search),
        ),
        Run(
            name,
            'test',
            config,
            root,
            weights,
            (*options, f'model.threshold=<{threshold}:search/threshold>'),
        ),
    )


def ablation(
    name: str,
    configs: tuple[str, str, str],
    roots: tuple[str, str],
    options: tuple[str, ...] = (),
    backbone: tuple[str, ...] = (),
    discovery: tuple[str, ...] = (),
    accuracy: tuple[str, ...] = (),
    full_only: bool = False,
) -> tuple[Run, Run, Run]:
    """A pretraining that differs in one thing, its accuracy and its discoveries.

    Args:
        name: Of the training; the others are called ``NAME_accuracy``, ``NAME_found``.
        configs: Of training, test and discovery.
        roots: Of labelled images, and of images with boxes.
        options: Of the training only.
        backbone: Of all three.
        discovery: Of the discovery only.
        accuracy: Of the test only.
        full_only: See :class:`Run`.
    """
    train, test, discover = configs
    accuracy = (*backbone, *accuracy)
    return (
        Run(name, 'train', train, roots[0], None, (*options, *backbone), (), full_only),
        Run(f'{name}_accuracy', 'test', test, roots[0], name, accuracy, (), full_only),
        Run(
            f'{name}_found',
            'test',
            discover,
            roots[1],
            name,
            (*backbone, *discovery),
            (),
            full_only,
        ),
    )


def rules(
    prefix: str,
    weights: str,
    config: str,
    root: str,
    options: tuple[str, ...] = (),
) -> tuple[Run, ...]:
    """Discovery by each reading of "threshold each mask"; not in quick ones."""
    return tuple(
        Run(
            f'{prefix}_{name}',
            'test',
            config,
            root,
            weights,
            (*options, *rule),
            full_only=True,
        )
        for name, _, rule in RULES
    )
