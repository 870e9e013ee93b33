"""Predicts patches one after another from slots: SLATE and DINOSAUR-Transformer."""

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..errors import ConfigError, one_of
from .objects import ObjectSlots, Reconstruction


class _DecoderBlock(nn.TransformerDecoderLayer):
    """torch's pre-norm decoder layer, which also returns its cross-attention."""

    def forward(
        self, patches: Tensor, slots: Tensor, future: Tensor
    ) -> tuple[Tensor, Tensor]:
        patches = patches + self._sa_block(self.norm1(patches), future, None)
        x, attention = self.multihead_attn(self.norm2(patches), slots, slots)
        patches = patches + self.dropout2(x)
        return patches + self._ff_block(self.norm3(patches)), attention


@MODELS.register_module()
class AutoregressiveDecoder(BaseModule):
    """Predict each patch of the target from slots and the patches before it.

    In raster order, with teacher forcing in training and evaluation alike, as
    DINOSAUR (Seitzer et al., 2023) does after SLATE (Singh et al., 2022). The target
    has as many channels as the Transformer is wide. Values called DINOSAUR's are those
    of its authors' public configs.

    Args:
        in_channels: Channels ``D`` of a slot.
        embed_dims: Width ``E`` of the Transformer and channels of the target.
        out_channels: Channels ``C`` of the prediction, by a linear layer: the tokens of
            SLATE. ``None``: the Transformer's output is the prediction (DINOSAUR).
        num_layers: Blocks; DINOSAUR: 4, in SLATE 8.
        num_heads: Heads; DINOSAUR: 4 on VOC, 8 on COCO and in SLATE.
        dropout: Share that is dropped in training; DINOSAUR: 0, in SLATE 0.1.
        linear_input: Whether a linear layer reads the target before its norm
            (DINOSAUR); otherwise only the norm does (SLATE).
        masks_from: The segmentation that is evaluated: ``'decoder'``, the attention of
            patches to slots in the last block, mean over heads (DINOSAUR);
            ``'grouping'``, the masks of the slots (SLATE).

    Raises:
        ConfigError: If ``masks_from`` is unknown.
    """

    needs_target = True

    def __init__(
        self,
        in_channels: int,
        embed_dims: int,
        out_channels: int | None = None,
        num_layers: int = 4,
        num_heads: int = 4,
        dropout: float = 0.0,
        linear_input: bool = True,
        masks_from: str = 'decoder',
    ) -> None:
        super().__init__()
        self.masks_from = one_of('masks_from', masks_from, ('decoder', 'grouping'))
        self.embed_dims = embed_dims
        self.start = nn.Parameter(torch.empty(1, 1, embed_dims))
        nn.init.normal_(self.start, std=embed_dims**-0.5)
        self.read_patches = nn.Sequential(nn.LayerNorm(embed_dims))
        if linear_input:
            self.read_patches.insert(0, nn.Linear(embed_dims, embed_dims, bias=False))
        self.read_slots = nn.Sequential(
            nn.Linear(in_channels, embed_dims, bias=False), nn.LayerNorm(embed_dims)
        )
        self.blocks = nn.ModuleList(
            _DecoderBlock(
                embed_dims,
                num_heads,
                4 * embed_dims,
                dropout,
                batch_first=True,
                norm_first=True,
            )
            for _ in range(num_layers)
        )
        self.write = nn.Identity()
        if out_channels is not None:
            self.write = nn.Linear(embed_dims, out_channels)

    def forward(self, objects: ObjectSlots, target: Tensor) -> Reconstruction:
        """Predict the target.

        Args:
            objects: Slots and masks.
            target: ``(B, E, h, w)``, of which a patch sees those before it.

        Returns:
            Prediction ``(B, C, h, w)`` and masks ``(B, n, h, w)``, or in the size of
            the grouping's masks with ``masks_from='grouping'``.

        Raises:
            ConfigError: If the target has other channels.
        """
        if target.shape[1] != self.embed_dims:
            raise ConfigError(
                f'decoder.embed_dims={self.embed_dims} and the target has '
                f'{target.shape[1]} channels: set decoder.embed_dims to that'
            )
        grid = target.shape[-2:]
        patches = target.flatten(2).mT  # (B, N, E)
        start = self.start.expand(len(patches), -1, -1).to(patches)
        x = self.read_patches(torch.cat([start, patches[:, :-1]], dim=1))
        slots = self.read_slots(objects.slots)
        length = x.shape[1]
        future = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        for block in self.blocks:
            x, attention = block(x, slots, future)  # attention (B, N, n)
        prediction = self.write(x).mT.unflatten(2, grid)
        if self.masks_from == 'grouping':
            return Reconstruction(prediction, objects.masks)
        return Reconstruction(prediction, attention.mT.unflatten(2, grid))
