"""One What-Where block: mutual attention, then three MLPs."""

from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import build_activation_layer, build_norm_layer
from mmcv.cnn.bricks.drop import DropPath
from torch import Tensor, nn

from .mutual_attention import MutualAttention


class MLP(nn.Sequential):
    """Linear, activation, linear; dropout after each.

    Args:
        in_channels: Channels read.
        hidden_channels: Channels between.
        out_channels: Channels written.
        act_cfg: Config of the activation.
        drop_rate: Probability of dropout.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        act_cfg: dict,
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__(
            nn.Linear(in_channels, hidden_channels),
            build_activation_layer(act_cfg),
            nn.Dropout(drop_rate),
            nn.Linear(hidden_channels, out_channels),
            nn.Dropout(drop_rate),
        )


class MaskMLP(nn.Module):
    """MLP over attention, eq. (6), without a residual: the paper found one unstable.

    Its first layer would read scores and tokens concatenated. Two layers whose outputs
    are added compute the same without building the concatenation.

    Args:
        mask_dims: Channels of the scores, heads times slots.
        embed_dims: Channels of the tokens.
        hidden_channels: Channels between the two layers.
        act_cfg: Config of the activation.
        drop_rate: Probability of dropout.
        norm_scores: Whether each token's scores are normalised before they are read,
            without learned parameters.
    """

    def __init__(
        self,
        mask_dims: int,
        embed_dims: int,
        hidden_channels: int,
        act_cfg: dict,
        drop_rate: float = 0.0,
        norm_scores: bool = False,
    ) -> None:
        super().__init__()
        self.norm_scores = norm_scores
        self.from_scores = nn.Linear(mask_dims, hidden_channels)
        self.from_tokens = nn.Linear(embed_dims, hidden_channels)
        self.act = build_activation_layer(act_cfg)
        self.drop = nn.Dropout(drop_rate)
        self.to_masks = nn.Linear(hidden_channels, mask_dims)

    def forward(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """Scores ``(B, N, H * K)`` and tokens ``(B, N, D)`` to masks like scores."""
        if self.norm_scores:
            scores = F.layer_norm(scores, scores.shape[-1:])
        hidden = self.act(self.from_scores(scores).add_(self.from_tokens(tokens)))
        return self.to_masks(self.drop(hidden))


class WhatWhereBlock(nn.Module):
    """Equations (1) to (6): tokens, slots and masks in, the same out.

    Args:
        embed_dims: Channels ``D`` of tokens and slots.
        num_heads: Heads ``H``.
        num_slots: Slots ``K``; MLP_m reads and writes ``H * K`` channels.
        mlp_ratios: Hidden widths of MLP_x (tokens), MLP_s (slots) and MLP_m (masks) as
            multiples of ``D``. Not given in the paper; 2, 3 and 1.5 reproduce the
            sizes of its Table 1.
        mask_mlp: Whether masks pass through MLP_m. If not, ``M+ = A``: Table 7,
            "w/o MLP over attention".
        norm_scores: Whether MLP_m reads normalised scores.
        drop_rate: Probability of dropout in the MLPs.
        drop_path_rate: Probability of stochastic depth on each residual branch. Masks
            have no residual, so nothing of theirs is ever dropped.
        norm_cfg: Config of the normalisation.
        act_cfg: Config of the MLPs' activation.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_slots: int,
        mlp_ratios: Sequence[float],
        mask_mlp: bool,
        norm_scores: bool,
        drop_rate: float,
        drop_path_rate: float,
        norm_cfg: dict,
        act_cfg: dict,
    ) -> None:
        super().__init__()
        dims, mask_dims = embed_dims, num_heads * num_slots
        token_dims, slot_dims, hidden_mask_dims = (int(r * dims) for r in mlp_ratios)

        self.norm_tokens = build_norm_layer(norm_cfg, dims)[1]
        self.norm_slots = build_norm_layer(norm_cfg, dims)[1]
        self.attn = MutualAttention(dims, num_heads)
        self.norm_tokens_mlp = build_norm_layer(norm_cfg, dims)[1]
        self.norm_slots_mlp = build_norm_layer(norm_cfg, dims)[1]
        self.mlp_tokens = MLP(dims, token_dims, dims, act_cfg, drop_rate)
        self.mlp_slots = MLP(dims, slot_dims, dims, act_cfg, drop_rate)
        self.mlp_masks = (
            MaskMLP(mask_dims, dims, hidden_mask_dims, act_cfg, drop_rate, norm_scores)
            if mask_mlp
            else None
        )
        self.drop_path = DropPath(drop_path_rate) if drop_path_rate else nn.Identity()

    def forward(
        self,
        tokens: Tensor,
        slots: Tensor,
        masks: Tensor | None = None,
        padding: Tensor | None = None,
        slots_only: bool = False,
    ) -> tuple[Tensor | None, Tensor, Tensor | None]:
        """Run the block.

        Args:
            tokens: ``X``, ``(B, N, D)``.
            slots: ``S``, ``(B, K, D)``, or ``(1, K, D)`` for all images.
            masks: ``M``, ``(B, N, H * K)``; ``None`` for the zeros of the first block.
            padding: ``(B, N)`` bool, ``True`` for tokens that no slot may read.
            slots_only: Whether nothing but ``S+`` is wanted, as of a last block whose
                reader looks at slots only.

        Returns:
            ``X+``, ``S+`` and ``M+``, in the shapes of ``X``, ``S`` and ``M``; with
            ``slots_only``, ``None`` for the first and the last.
        """
        token_update, slot_update, scores = self.attn(
            self.norm_tokens(tokens), self.norm_slots(slots), masks, padding, slots_only
        )  # (1)
        slots = slots + self.drop_path(slot_update)  # (3)
        slots = slots + self.drop_path(self.mlp_slots(self.norm_slots_mlp(slots)))  # 5
        if slots_only:
            return None, slots, None

        tokens = tokens + self.drop_path(token_update)  # (2)
        normed = self.norm_tokens_mlp(tokens)
        tokens = tokens + self.drop_path(self.mlp_tokens(normed))  # (4)
        masks = scores if self.mlp_masks is None else self.mlp_masks(scores, normed)
        return tokens, slots, masks  # (6)
