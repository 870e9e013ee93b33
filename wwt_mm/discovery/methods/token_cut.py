"""TokenCut: a normalised cut of the graph of patches."""

import numpy as np
import torch.nn.functional as F
from mmdet.registry import TASK_UTILS
from scipy.linalg import eigh
from torch import Tensor

from ..regions import Regions, component_at
from .base import FeatureMethod


@TASK_UTILS.register_module()
class TokenCut(FeatureMethod):
    """One object per image, by spectral clustering (Wang et al., 2022).

    Patches are joined by edges of weight 1 where the cosine of their features exceeds
    ``tau``, else ``epsilon``. The second smallest eigenvector of the generalised system
    ``(D - E) y = lambda D y`` is cut at its mean. The side with the largest absolute
    value is the foreground, and its connected region around that value the object.

    Args:
        tau: Least cosine of similar patches; 0.2 in the paper.
        epsilon: Weight of the edges between others; 1e-5 in the paper.
        features: What to read; the keys in the paper.
    """

    def __init__(
        self, tau: float = 0.2, epsilon: float = 1e-5, features: str = 'key'
    ) -> None:
        super().__init__(features)
        self.tau = tau
        self.epsilon = epsilon

    def discover(self, features: Tensor) -> Regions:
        """Find one object; see :meth:`FeatureMethod.discover`."""
        height, width, _ = features.shape
        if height * width == 1:
            return Regions.of_masks(np.ones((1, 1, 1), bool))
        features = F.normalize(features.flatten(0, 1), dim=1)
        similar = (features @ features.T > self.tau).cpu().numpy()
        vector = self.eigenvector(np.where(similar, 1.0, self.epsilon))
        seed = np.abs(vector).argmax()
        foreground = vector > vector.mean()
        if not foreground[seed]:
            foreground = ~foreground
        mask = foreground.reshape(height, width)
        return Regions.of_masks(component_at(mask, *divmod(int(seed), width))[None])

    @staticmethod
    def eigenvector(edges: np.ndarray) -> np.ndarray:
        """Second smallest generalised eigenvector ``(N,)`` of weights ``(N, N)``."""
        # With z = D^1/2 y the system is symmetric: (1 - D^-1/2 E D^-1/2) z = lambda z,
        # and the smallest eigenvalues are the largest of the normalised weights.
        root = np.sqrt(edges.sum(1))
        size = len(edges)
        _, vectors = eigh(
            edges / root[:, None] / root,
            subset_by_index=[size - 2, size - 1],
            overwrite_a=True,
            check_finite=False,
        )
        return vectors[:, 0] / root
