"""Which rule turns masks into the best boxes, found on training images."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from mmdet.registry import METRICS, TASK_UTILS
from mmengine.logging import print_log
from torch import Tensor, nn
from torchvision.ops import box_iou

from ..errors import ConfigError, one_of
from .methods import DiscoveryMethod
from .methods.mask_method import MaskMethod
from .metrics import CorLoc
from .regions import Regions

_THRESHOLDS = {
    'min_max': (0.3, 0.4, 0.5, 0.6, 0.7),
    'relu': (0.1, 0.3, 0.5, 0.7),
    'softmax_slots': (0.1, 0.2, 0.3),
    'softmax_tokens': (0.1, 0.25, 0.5),
    'mass': (0.2, 0.4, 0.6),
}
_SIZES = (dict(min_area=2, max_area=1.0), dict(min_area=8, max_area=0.6))
#: Options of :class:`MaskMethod` that are tried, its defaults among them.
RULES: tuple[dict, ...] = tuple(
    dict(
        normalise=normalise,
        threshold=threshold,
        concentration=concentration,
        rank=rank,
        **sizes,
    )
    for normalise, thresholds in _THRESHOLDS.items()
    for threshold, concentration, rank, sizes in product(
        thresholds,
        ('softmax_tokens', 'min_max', 'relu'),
        ('mask', 'region'),
        _SIZES,
    )
)


@TASK_UTILS.register_module()
class EachRule(DiscoveryMethod):
    """The first regions by each of :data:`RULES`, from one forward pass.

    For :class:`RuleSearch`: the ``sources`` of regions are numbers of rules. A rule
    that finds nothing has no region.

    Args:
        method: Config of a :class:`MaskMethod`; its other options stay.
        top: Regions of each rule, the best first.
    """

    def __init__(self, method: dict, top: int = 1) -> None:
        self.top = top
        if not issubclass(TASK_UTILS.get(method['type']) or object, MaskMethod):
            raise ConfigError(
                f'method.type={method["type"]} thresholds no masks: EachRule takes '
                'MaskThreshold, ClassTokenAttention or Rollout'
            )
        self.methods = [TASK_UTILS.build(dict(method, **rule)) for rule in RULES]

    def __call__(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None = None
    ) -> list[Regions]:
        """Find objects; see :meth:`DiscoveryMethod.__call__`."""
        masks = self.methods[0].read_masks(backbone, images, padding_mask)
        found = [method.find_regions(*masks) for method in self.methods]
        return [self._firsts(by_rule) for by_rule in zip(*found, strict=True)]

    def _firsts(self, by_rule: Sequence[Regions]) -> Regions:
        counts = [min(len(regions.scores), self.top) for regions in by_rule]
        masks, boxes = (
            np.concatenate([regions[field][: self.top] for regions in by_rule])
            for field in (0, 1)
        )
        rules = np.repeat(np.arange(len(by_rule)), counts)
        return Regions(masks, boxes, np.ones(len(rules)), rules)


@METRICS.register_module()
class RuleSearch(CorLoc):
    """CorLoc, or recall, of each of :data:`RULES`, and the best of them.

    Needs predictions of :class:`EachRule`. Meant for *training* images with boxes: the
    rule that is best on the images that one reports is an oracle.

    Args:
        objective: ``'corloc'``: images with a right box; ``'recall'``: objects that a
            box finds, which says something if all rules have as many boxes
            (``EachRule(top=16)``).
        **kwargs: As for :class:`CorLoc`.

    Metrics: ``corloc`` or ``recall`` of the best rule, in per cent, and its options, by
    name.
    """

    default_prefix = 'rule'

    def __init__(self, objective: str = 'corloc', **kwargs) -> None:
        super().__init__(**kwargs)
        self.objective = one_of('objective', objective, ('corloc', 'recall'))

    def compare(self, predicted: dict, truth: Tensor) -> np.ndarray:
        """Which objects of an image each rule finds: ``(R, G)``."""
        found = np.zeros((len(RULES), len(truth)), bool)
        hits = box_iou(predicted['bboxes'].cpu().double(), truth) >= self.iou_thr
        np.logical_or.at(found, predicted['sources'].cpu().numpy(), hits.numpy())
        return found if self.objective == 'recall' else found.any(1, keepdims=True)

    def summarise(self, results: list[np.ndarray]) -> dict[str, float | str]:
        """Find the best rule, the first of equals."""
        shares = np.zeros(len(RULES))
        if results:
            shares = 100 * np.concatenate(results, 1).mean(1)
        for number in np.argsort(-shares, kind='stable')[:10]:
            line = f'{self.objective} {shares[number]:.1f}: {RULES[number]}'
            print_log(line, 'current')
        best = int(shares.argmax())
        # mmengine writes floats and texts to its log of metrics, but not integers.
        options = {
            name: value if isinstance(value, str) else float(value)
            for name, value in RULES[best].items()
        }
        return {self.objective: float(shares[best]), **options}
