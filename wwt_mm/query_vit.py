"""A plain ViT with learned tokens beside its patches: the body of YOLOS and EoMT."""

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from .backbone import SlotMasks
from .backbone.initial_weights import draw_weights
from .errors import ConfigError
from .requirements import require

require('mmpretrain')

from mmpretrain.models.backbones import VisionTransformer  # noqa: E402


@MODELS.register_module()
class QueryViT(VisionTransformer):
    """mmpretrain's ViT, whose last blocks also carry queries.

    YOLOS (Fang et al., 2021) calls them detection tokens and adds them to the input,
    EoMT (Kerssies et al., 2025) to the last blocks. They are tokens like any other
    there: everything attends to everything. A query's embedding and its position, both
    learned, are one sum here. The class token stays, so that any checkpoint of the ViT
    fits.

    Args:
        num_queries: How many queries.
        queries_from: The block, counted from 0, that they enter before.
        **kwargs: As for mmpretrain's ``VisionTransformer``, but for its output.

    Raises:
        ConfigError: If there is no block ``queries_from``.
    """

    def __init__(self, num_queries: int, queries_from: int = 0, **kwargs) -> None:
        super().__init__(out_type='raw', out_indices=-1, **kwargs)
        if not 0 <= queries_from < self.num_layers:
            raise ConfigError(
                f'queries_from={queries_from} is no block: the ViT has blocks 0 to '
                f'{self.num_layers - 1}'
            )
        queries = torch.empty(num_queries, self.embed_dims)
        self.queries = nn.Parameter(draw_weights(queries))
        self.layers[queries_from].register_forward_pre_hook(self._add_queries)

    def forward(self, x: Tensor) -> tuple[SlotMasks]:
        """Run the model.

        Args:
            x: Images ``(B, 3, H, W)``, padded here to whole patches, right and below.

        Returns:
            One :class:`SlotMasks` without masks: queries ``(B, Q, D)`` as its slots,
            and patches ``(B, D, h, w)`` as its tokens, both normalised.
        """
        strides = self.patch_embed.projection.stride
        grid = [-(-side // stride) for side, stride in zip(x.shape[-2:], strides)]
        (tokens,) = super().forward(x)
        before = self.num_extra_tokens
        patches, queries = tokens[:, before:].split(
            (grid[0] * grid[1], len(self.queries)), dim=1
        )
        return (SlotMasks(queries, None, patches.mT.unflatten(2, grid)),)

    def _add_queries(self, layer: nn.Module, inputs: tuple[Tensor]) -> Tensor:
        (tokens,) = inputs
        return torch.cat((tokens, self.queries.expand(len(tokens), -1, -1)), dim=1)
