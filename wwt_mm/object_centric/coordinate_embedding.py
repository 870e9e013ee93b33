"""Where a feature stands, told by its coordinates."""

import torch
from torch import Tensor, nn


class CoordinateEmbedding(nn.Module):
    """A learned linear map of coordinates, which run from -1 to 1 over the grid.

    What Slot Attention adds to the features of images (as DINOSAUR's authors configure
    it, after SAVi).

    Args:
        channels: Channels ``C`` of the embedding.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Linear(2, channels)

    def forward(self, grid: tuple[int, int]) -> Tensor:
        """Embeddings ``(1, C, h, w)`` of the positions of a grid of ``(h, w)``."""
        weight = self.project.weight
        axes = [torch.linspace(-1, 1, side).to(weight) for side in grid]
        coordinates = torch.stack(torch.meshgrid(*axes, indexing='ij'), -1)
        return self.project(coordinates).permute(2, 0, 1).unsqueeze(0)
