"""The decoder of Slot Attention: each slot paints an image and says where."""

from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from .coordinate_embedding import CoordinateEmbedding
from .objects import ObjectSlots, Reconstruction


@MODELS.register_module()
class BroadcastDecoder(BaseModule):
    """Spatial broadcast decoder (Watters et al., 2019; Locatello et al., 2020).

    A slot is repeated over a coarse grid, gets position embeddings, and transposed
    convolutions make of it an image, between -1 and 1, and an alpha mask. Images of all
    slots are mixed by the softmax of alpha over slots. Shape as in the public configs
    of DINOSAUR's authors: four layers of 5 x 5, each doubling the side, then 1 x 1, and
    tanh for the image.

    Args:
        in_channels: Channels ``D`` of a slot.
        grid: Height and width of the coarse grid.
        num_layers: Layers, each of which doubles it, up to the size of the image.
        hidden_channels: Channels of these layers.
        out_channels: Channels of the image.
    """

    needs_target = False

    def __init__(
        self,
        in_channels: int,
        grid: tuple[int, int] = (8, 8),
        num_layers: int = 4,
        hidden_channels: int = 64,
        out_channels: int = 3,
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.grid = tuple(grid)
        self.positions = CoordinateEmbedding(in_channels)
        layers, channels = [], in_channels
        for _ in range(num_layers):
            layers += [
                nn.ConvTranspose2d(
                    channels, hidden_channels, 5, 2, padding=2, output_padding=1
                ),
                nn.ReLU(),
            ]
            channels = hidden_channels
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, out_channels + 1, 1))

    def forward(
        self, objects: ObjectSlots, target: Tensor | None = None
    ) -> Reconstruction:
        """Predict images.

        Args:
            objects: Slots; their masks are not used.
            target: Not used.

        Returns:
            Prediction ``(B, C, H, W)`` and masks ``(B, n, H, W)``.
        """
        slots = objects.slots
        broadcast = slots.flatten(0, 1)[..., None, None] + self.positions(self.grid)
        painted = self.layers(broadcast).unflatten(0, slots.shape[:2])
        images, alpha = painted.split([self.out_channels, 1], dim=2)
        masks = alpha.squeeze(2).softmax(1)  # over slots
        return Reconstruction((masks.unsqueeze(2) * images.tanh()).sum(1), masks)
