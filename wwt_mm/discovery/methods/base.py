"""What every way of discovering objects has in common."""

from abc import ABCMeta, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from ..features import read_features
from ..regions import Regions


class DiscoveryMethod(metaclass=ABCMeta):
    """Finds objects in images, with a frozen backbone and without training.

    Methods are registered in mmdet's ``TASK_UTILS``, and are the ``method`` of an
    :class:`~wwt_mm.discovery.ObjectDiscoverer`.
    """

    @abstractmethod
    def __call__(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None = None
    ) -> list[Regions]:
        """Find objects.

        Args:
            backbone: The model to read.
            images: ``(B, 3, H, W)``, normalised.
            padding_mask: ``(B, H, W)`` bool, ``True`` where there is no image; given
                only to backbones that take it.

        Returns:
            The regions found in each of the ``B`` images.
        """


class FeatureMethod(DiscoveryMethod):
    """A method that groups the patches of one image by their features.

    Args:
        features: What to read, see :func:`~wwt_mm.discovery.read_features`.
    """

    def __init__(self, features: str = 'key') -> None:
        self.features = features

    def __call__(
        self, backbone: nn.Module, images: Tensor, padding_mask: Tensor | None = None
    ) -> list[Regions]:
        """Find objects; see :meth:`DiscoveryMethod.__call__`."""
        batch = read_features(backbone, images, padding_mask, self.features)
        found = []
        for index, features in enumerate(batch.features.float()):
            pixels = images[index].flatten(1)
            if padding_mask is not None:
                pixels = pixels[:, ~padding_mask[index].flatten()]
            if torch.equal(pixels.amax(1), pixels.amin(1)):
                # There is nothing to see, whatever position embeddings may tell.
                empty = np.zeros((0, *features.shape[:2]), dtype=bool)
                found.append(Regions.of_masks(empty))
                continue
            if batch.padding_mask is not None:  # padding lies below and to the right
                present = ~batch.padding_mask[index]
                rows, columns = int(present[:, 0].sum()), int(present[0].sum())
                features = features[:rows, :columns]
            found.append(self.discover(features))
        return found

    @abstractmethod
    def discover(self, features: Tensor) -> Regions:
        """Find objects in one image.

        Args:
            features: ``(h, w, D)`` float32, one vector per patch.

        Returns:
            The regions found.
        """
