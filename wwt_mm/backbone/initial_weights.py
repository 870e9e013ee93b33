"""The random weights that the backbone and the heads on its slots start from."""

from torch import Tensor, nn

_STD, _BOUND = 0.02, 0.1  # not given in the paper; DeiT's value, and 5 times it


def draw_weights(weight: Tensor) -> Tensor:
    """Fill ``weight`` with a normal distribution cut at five standard deviations.

    The default bounds of PyTorch, mmengine and timm are -2 and 2, whatever the
    deviation, that is 100 of them: their uniform draw of 24 bits then ends at the
    very -2 once in 2 ** 24 weights: twice in WWT-Small.
    """
    return nn.init.trunc_normal_(weight, std=_STD, a=-_BOUND, b=_BOUND)


def init_cfg_of(*layers: str) -> dict:
    """The ``init_cfg`` that draws weights of ``layers`` so, with biases of 0."""
    return dict(type='TruncNormal', layer=[*layers], std=_STD, a=-_BOUND, b=_BOUND)
