"""A ViT with register tokens and its authors' positions, which mmpretrain lacks."""

import torch
import torch.nn.functional as F
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ..errors import one_of


@MODELS.register_module()
class RegisterVisionTransformer(VisionTransformer):
    """mmpretrain's ViT with extra input tokens (Darcet et al., 2024).

    Registers have no position, stand between class token and patches, and are dropped
    from the output, except for ``out_type='raw'``.

    Args:
        num_registers: How many; 4 in the paper's models, 0 for a plain ViT.
        resampling: How position embeddings are fitted to images of another size than
            that of pretraining, for comparisons with other code to the digit.
            ``'size'``: to the number of patches, as mmpretrain, DeiT and timm.
            ``'scale'``: by the number of patches + 0.1 over the former number, as DINO
            and DINOv2. ``'antialias'``: to the number of patches, smoothed where that
            shrinks, as DINOv2 with registers.
        **kwargs: As for mmpretrain's ``VisionTransformer``, with a class token.

    Raises:
        ConfigError: If ``resampling`` is unknown.
    """

    def __init__(
        self, num_registers: int = 4, resampling: str = 'size', **kwargs
    ) -> None:
        super().__init__(**kwargs)
        choices = ('size', 'scale', 'antialias')
        self.resampling = one_of('resampling', resampling, choices)
        self.register_tokens = None
        if num_registers:
            tokens = torch.empty(1, num_registers, self.embed_dims)
            self.register_tokens = nn.Parameter(nn.init.normal_(tokens, std=1e-6))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Run the model on images ``(B, 3, H, W)``; see mmpretrain."""
        x, grid = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x + self.positions(tuple(grid))
        if self.register_tokens is not None:
            registers = self.register_tokens.expand(len(x), -1, -1)
            x = torch.cat([x[:, :1], registers, x[:, 1:]], dim=1)
        x = self.pre_norm(self.drop_after_pos(x))
        outputs = []
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index == len(self.layers) - 1 and self.final_norm:
                x = self.ln1(x)
            if index in self.out_indices:
                outputs.append(self._format_output(x, grid))
        return tuple(outputs)

    def positions(self, grid: tuple[int, int]) -> Tensor:
        """Position embeddings ``(1, 1 + h * w, D)`` of class token and ``grid``."""
        former = tuple(self.patch_resolution)
        if grid == former:
            return self.pos_embed
        if self.resampling == 'scale':
            factors = [(new + 0.1) / old for new, old in zip(grid, former, strict=True)]
            target = dict(scale_factor=factors)
        else:
            target = dict(size=grid, antialias=self.resampling == 'antialias')
        maps = self.pos_embed[:, 1:].mT.unflatten(2, former)
        maps = F.interpolate(maps, **target, mode=self.interpolate_mode)
        return torch.cat([self.pos_embed[:, :1], maps.flatten(2).mT], dim=1)

    def _format_output(self, x: Tensor, hw: tuple[int, int]) -> Tensor:
        if self.out_type in ('featmap', 'avg_featmap'):
            x = torch.cat([x[:, :1], x[:, -hw[0] * hw[1] :]], dim=1)
        return super()._format_output(x, hw)
