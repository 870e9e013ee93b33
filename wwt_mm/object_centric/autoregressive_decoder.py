"""Predicts patches one after another from slots: SLATE and DINOSAUR-Transformer."""

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..backbone.position_embedding import PositionEmbedding
from ..errors import ConfigError
from .objects import ObjectSlots, Reconstruction

MASKS = ('decoder', 'grouping')


class _DecoderBlock(nn.Module):
    """Pre-norm Transformer decoder block that returns its cross-attention."""

    def __init__(self, dims: int, num_heads: int) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(dims)
        self.self_attention = nn.MultiheadAttention(dims, num_heads, batch_first=True)
        self.norm_cross = nn.LayerNorm(dims)
        self.cross_attention = nn.MultiheadAttention(dims, num_heads, batch_first=True)
        self.norm_mlp = nn.LayerNorm(dims)
        self.mlp = nn.Sequential(
            nn.Linear(dims, 4 * dims), nn.GELU(), nn.Linear(4 * dims, dims)
        )

    def forward(
        self, patches: Tensor, slots: Tensor, future: Tensor
    ) -> tuple[Tensor, Tensor]:
        x = self.norm_self(patches)
        x, _ = self.self_attention(x, x, x, attn_mask=future, need_weights=False)
        patches = patches + x
        x, attention = self.cross_attention(self.norm_cross(patches), slots, slots)
        patches = patches + x
        return patches + self.mlp(self.norm_mlp(patches)), attention


@MODELS.register_module()
class AutoregressiveDecoder(BaseModule):
    """Predict each patch of the target from slots and the patches before it.

    In raster order, with teacher forcing in training and evaluation alike, as
    DINOSAUR (Seitzer et al., 2023) does after SLATE (Singh et al., 2022). SLATE
    itself predicts the tokens of a discrete VAE that it trains at the same time; here
    targets are continuous, with a squared error: features of a ViT
    (DINOSAUR-Transformer), or the pixels of patches, which stand in for SLATE.

    Args:
        in_channels: Channels ``D`` of a slot.
        out_channels: Channels ``C`` of the target.
        embed_dims: Width of the Transformer.
        num_layers: Blocks; DINOSAUR: 4.
        num_heads: Heads; DINOSAUR: 4 on VOC, 8 on COCO.
        grid: Height and width of a learned position embedding; ``None`` for targets
            that tell their position by themselves, as features of a ViT do.
        masks_from: The segmentation that is evaluated: ``'decoder'``, the attention of
            patches to slots in the last block, mean over heads (DINOSAUR; which of its
            blocks was not looked up); ``'grouping'``, the masks of the slots (SLATE).

    Raises:
        ConfigError: If ``masks_from`` is unknown.
    """

    needs_target = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        embed_dims: int = 768,
        num_layers: int = 4,
        num_heads: int = 4,
        grid: tuple[int, int] | None = None,
        masks_from: str = 'decoder',
    ) -> None:
        super().__init__()
        if masks_from not in MASKS:
            raise ConfigError(
                f'masks_from={masks_from!r} is unknown: choose one of {MASKS}'
            )
        self.masks_from = masks_from
        self.out_channels = out_channels
        self.start = nn.Parameter(torch.empty(1, 1, out_channels))
        nn.init.normal_(self.start, std=out_channels**-0.5)
        self.read_patches = nn.Sequential(
            nn.Linear(out_channels, embed_dims, bias=False), nn.LayerNorm(embed_dims)
        )
        self.read_slots = nn.Sequential(
            nn.Linear(in_channels, embed_dims, bias=False), nn.LayerNorm(embed_dims)
        )
        self.positions = grid and PositionEmbedding(embed_dims, grid)
        self.blocks = nn.ModuleList(
            _DecoderBlock(embed_dims, num_heads) for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(embed_dims)
        self.write = nn.Linear(embed_dims, out_channels)

    def forward(self, objects: ObjectSlots, target: Tensor) -> Reconstruction:
        """Predict the target.

        Args:
            objects: Slots and masks.
            target: ``(B, C, h, w)``, of which a patch sees those before it.

        Returns:
            Prediction ``(B, C, h, w)`` and masks ``(B, n, h, w)``, or in the size of
            the grouping's masks with ``masks_from='grouping'``.

        Raises:
            ConfigError: If the target has other channels.
        """
        if target.shape[1] != self.out_channels:
            raise ConfigError(
                f'decoder.out_channels={self.out_channels} and the target has '
                f'{target.shape[1]} channels: set decoder.out_channels to that'
            )
        grid = target.shape[-2:]
        patches = target.flatten(2).mT  # (B, N, C)
        start = self.start.expand(len(patches), -1, -1).to(patches)
        x = self.read_patches(torch.cat([start, patches[:, :-1]], dim=1))
        if self.positions is not None:
            x = x + self.positions(grid, None).flatten(2).mT
        slots = self.read_slots(objects.slots)
        length = x.shape[1]
        future = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        for block in self.blocks:
            x, attention = block(x, slots, future)  # attention (B, N, n)
        prediction = self.write(self.norm(x)).mT.unflatten(2, grid)
        if self.masks_from == 'grouping':
            return Reconstruction(prediction, objects.masks)
        return Reconstruction(prediction, attention.mT.unflatten(2, grid))
