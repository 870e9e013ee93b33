"""LOST: the least connected patch is the seed of an object."""

import torch
from mmdet.registry import TASK_UTILS
from torch import Tensor

from ...errors import ConfigError
from ..regions import Regions, component_at
from .base import FeatureMethod


@TASK_UTILS.register_module()
class LOST(FeatureMethod):
    """One object per image (Simeoni et al., 2021).

    Patches are similar where the dot product of their features is not negative.
    Objects are supposed smaller than the background, and patches of an object similar
    to each other and dissimilar to the background. So the *seed* is the patch with the
    fewest similar ones. Of the ``k_patches`` patches with the fewest, those similar to
    the seed expand it. The object is made of the patches whose similarities with the
    expanded seed sum to at least 0, where they connect with the seed by their sides.

    Args:
        k_patches: Patches that may expand the seed; 100 in the paper.
        bias: Subtracted from every dot product. 0 in the paper; a degree of freedom
            for features whose dot products are seldom negative.
        features: What to read; the keys in the paper.
    """

    def __init__(
        self, k_patches: int = 100, bias: float = 0.0, features: str = 'key'
    ) -> None:
        super().__init__(features)
        if k_patches < 1:
            raise ConfigError(f'LOST needs k_patches of at least 1, not {k_patches}')
        self.k_patches = k_patches
        self.bias = bias

    def discover(self, features: Tensor) -> Regions:
        """Find one object; see :meth:`FeatureMethod.discover`."""
        height, width, _ = features.shape
        features = features.flatten(0, 1)
        similarity = features @ features.T - self.bias  # (N, N)
        degree = (similarity >= 0).sum(1)
        candidates = degree.argsort(stable=True)[: self.k_patches]
        seed = candidates[0]
        expanded = candidates[similarity[seed, candidates] >= 0]
        # A seed that is similar to no patch, not even itself, stands alone.
        members = torch.cat([seed[None], expanded]).unique()
        mask = similarity[members].sum(0) >= 0
        mask[seed] = True
        mask = mask.view(height, width).cpu().numpy()
        return Regions.of_masks(component_at(mask, *divmod(int(seed), width))[None])
