"""Slot Attention (Locatello et al., 2020), which baselines need and WWT does not."""

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from .coordinate_embedding import CoordinateEmbedding
from .objects import ObjectSlots

_EPSILON = 1e-8


@MODELS.register_module()
class SlotAttention(BaseModule):
    """Slots that compete for the positions of a feature map in several rounds.

    Algorithm 1 of Locatello et al. (2020). Written here because the package
    ``slot-attention`` on PyPI does not return the attention, which is the segmentation.
    Queries, keys and values have no biases. Values called DINOSAUR's are those of its
    authors' public configs, which are of four models.

    Slots start from noise, a new draw for each image in training. In evaluation it is
    the same draw for every image, so that results can be repeated and do not depend
    on the batch.

    Args:
        in_channels: Channels of the features.
        num_slots: Slots ``n``.
        channels: Channels ``D`` of a slot; DINOSAUR: 256, in SLATE 192.
        iterations: Rounds; DINOSAUR: 3, in SLATE 7.
        mlp_ratio: Hidden width of the slots' MLP over ``channels``; DINOSAUR: 4 on
            features, 2 on images, 1 in SLATE.
        hidden_channels: Hidden width of an MLP that reads the features first; DINOSAUR:
            768, that of its features, 256 on images. ``None``: there is no such MLP
            (SLATE).
        positions: Whether the coordinates of features are added to them, by a linear
            map; for features that do not tell their position by themselves, as those
            of a ViT and the tokens of SLATE do.
    """

    def __init__(
        self,
        in_channels: int,
        num_slots: int = 6,
        channels: int = 256,
        iterations: int = 3,
        mlp_ratio: float = 4,
        hidden_channels: int | None = None,
        positions: bool = False,
    ) -> None:
        super().__init__()
        self.num_slots = num_slots
        self.iterations = iterations
        self.scale = channels**-0.5
        self.positions = CoordinateEmbedding(in_channels) if positions else None
        self.read = nn.Identity()
        if hidden_channels is not None:
            self.read = nn.Sequential(
                nn.LayerNorm(in_channels),
                nn.Linear(in_channels, hidden_channels),
                nn.ReLU(),
                nn.Linear(hidden_channels, channels),
            )
            in_channels = channels
        self.mean = nn.Parameter(torch.empty(1, 1, channels))
        self.log_std = nn.Parameter(torch.empty(1, 1, channels))
        nn.init.xavier_uniform_(self.mean)
        nn.init.xavier_uniform_(self.log_std)
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(1, num_slots, channels, generator=generator)
        self.register_buffer('noise', noise, persistent=False)

        self.norm_inputs = nn.LayerNorm(in_channels)
        self.norm_slots = nn.LayerNorm(channels)
        self.norm_mlp = nn.LayerNorm(channels)
        self.to_queries = nn.Linear(channels, channels, bias=False)
        self.to_keys = nn.Linear(in_channels, channels, bias=False)
        self.to_values = nn.Linear(in_channels, channels, bias=False)
        self.update = nn.GRUCell(channels, channels)
        hidden = int(channels * mlp_ratio)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )

    def forward(self, feats: Tensor | tuple[Tensor, ...]) -> ObjectSlots:
        """Group the positions of feature maps.

        Args:
            feats: ``(B, C, h, w)``, or a tuple whose last entry is that.

        Returns:
            Slots ``(B, n, D)`` after the last round and the attention ``(B, n, h, w)``
            of that round, normalised over slots.
        """
        features = feats if isinstance(feats, Tensor) else feats[-1]
        grid = features.shape[-2:]
        if self.positions is not None:
            features = features + self.positions(grid)
        inputs = self.norm_inputs(self.read(features.flatten(2).mT))
        keys, values = self.to_keys(inputs), self.to_values(inputs)  # (B, N, D)
        slots = self._initial_slots(len(features))
        for _ in range(self.iterations):
            queries = self.to_queries(self.norm_slots(slots))
            attention = (self.scale * queries @ keys.mT).softmax(1)  # over slots
            weights = attention + _EPSILON
            weights = weights / weights.sum(2, keepdim=True)
            updates = weights @ values
            # In float32: a GRU cell has no kernel for bfloat16 on every device.
            with torch.autocast(slots.device.type, enabled=False):
                slots = self.update(
                    updates.flatten(0, 1).to(self.mean.dtype),
                    slots.flatten(0, 1).to(self.mean.dtype),
                ).view_as(slots)
            slots = slots + self.mlp(self.norm_mlp(slots))
        return ObjectSlots(slots, attention.unflatten(2, grid))

    def _initial_slots(self, batch: int) -> Tensor:
        noise = self.noise.expand(batch, -1, -1)
        if self.training:
            noise = torch.randn_like(noise)
        return self.mean + self.log_std.exp() * noise
