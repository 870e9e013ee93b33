"""The autoencoding head's small CNN, for WWT-OCL with RGB as its target."""

from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor

from ..classification import AutoencodingHead
from .objects import ObjectSlots, Reconstruction


@MODELS.register_module()
class CNNDecoder(BaseModule):
    """Reconstruct pixels from masks times slots (paper, sec. 3.2, "Autoencoding Head").

    The head of the pretraining, restricted to the slots that are kept.

    Args:
        in_channels: Channels ``D`` of the slots.
        patch_size: Side of the backbone's patches in pixels.
        hidden_channels: See :class:`~wwt_mm.classification.AutoencodingHead`.
    """

    needs_target = False

    def __init__(
        self, in_channels: int, patch_size: int = 16, hidden_channels: int | None = None
    ) -> None:
        super().__init__()
        self.head = AutoencodingHead(
            in_channels, patch_size, hidden_channels=hidden_channels
        )

    def forward(
        self, objects: ObjectSlots, target: Tensor | None = None
    ) -> Reconstruction:
        """Predict pixels.

        Args:
            objects: Slots, and masks on the grid of the backbone's patches.
            target: ``(B, 3, H, W)``; what the last patches have beyond is cut off.

        Returns:
            Prediction ``(B, 3, H, W)`` and the masks of the objects.
        """
        grid = objects.masks.shape[-2:]
        features = objects.slots.mT @ objects.masks.flatten(2)  # (7)
        images = self.head.decoder(features.unflatten(2, grid))
        if target is not None:
            images = images[..., : target.shape[2], : target.shape[3]]
        return Reconstruction(images, objects.masks)
