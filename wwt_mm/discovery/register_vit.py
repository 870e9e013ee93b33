"""A ViT with register tokens, which mmpretrain lacks."""

import torch
from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.models.utils import resize_pos_embed
from mmpretrain.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class RegisterVisionTransformer(VisionTransformer):
    """mmpretrain's ViT with extra input tokens (Darcet et al., 2024).

    Registers have no position, stand between class token and patches, and are dropped
    from the output, except for ``out_type='raw'``.

    Args:
        num_registers: How many; 4 in the paper's models.
        **kwargs: As for mmpretrain's ``VisionTransformer``, with a class token.
    """

    def __init__(self, num_registers: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        self.register_tokens = nn.Parameter(
            torch.zeros(1, num_registers, self.embed_dims)
        )
        nn.init.normal_(self.register_tokens, std=1e-6)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Run the model on images ``(B, 3, H, W)``; see mmpretrain."""
        x, grid = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x + resize_pos_embed(
            self.pos_embed,
            self.patch_resolution,
            grid,
            mode=self.interpolate_mode,
            num_extra_tokens=1,
        )
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

    def _format_output(self, x: Tensor, hw: tuple[int, int]) -> Tensor:
        if self.out_type in ('featmap', 'avg_featmap'):
            x = torch.cat([x[:, :1], x[:, -hw[0] * hw[1] :]], dim=1)
        return super()._format_output(x, hw)
