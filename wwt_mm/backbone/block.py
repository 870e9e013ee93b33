"""One What-Where block: mutual attention, then three MLPs."""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from mmcv.cnn import build_activation_layer, build_norm_layer
from torch import Tensor, nn

from .in_place import activate, add_product
from .mutual_attention import MutualAttention
from .recompute import call
from .residual import ResidualSum


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

    def forward(self, x: Tensor) -> Tensor:
        """``(..., in_channels)`` to ``(..., out_channels)``."""
        return self.after_first(self[0](x))

    def after_first(self, hidden: Tensor) -> Tensor:
        """All layers but the first, ``(..., hidden_channels)`` to ``out_channels``."""
        _, act, drop, linear, last_drop = self
        return last_drop(linear(drop(activate(act, hidden))))


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
        bias = self.from_tokens.bias + self.from_scores.bias
        hidden = F.linear(tokens, self.from_tokens.weight, bias)
        hidden = add_product(hidden, self._norm(scores), self.from_scores.weight)
        return self.after_first(hidden)

    def read_scores(self, scores: Tensor) -> Tensor:
        """What scores ``(B, N, H * K)`` add to the hidden channels."""
        return self.from_scores(self._norm(scores))

    def _norm(self, scores: Tensor) -> Tensor:
        return F.layer_norm(scores, scores.shape[-1:]) if self.norm_scores else scores

    def after_first(self, hidden: Tensor) -> Tensor:
        """Hidden channels to masks."""
        return self.to_masks(self.drop(activate(self.act, hidden)))


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
        recompute: Whether the backward pass computes again what costs little time and
            much memory: softmaxes, activations and norms.
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
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.recompute = recompute
        self.is_random = drop_rate > 0
        dims, mask_dims = embed_dims, num_heads * num_slots
        token_dims, slot_dims, hidden_mask_dims = (int(r * dims) for r in mlp_ratios)

        self.norm_tokens = build_norm_layer(norm_cfg, dims)[1]
        self.norm_slots = build_norm_layer(norm_cfg, dims)[1]
        self.attn = MutualAttention(dims, num_heads, recompute)
        self.norm_tokens_mlp = build_norm_layer(norm_cfg, dims)[1]
        self.norm_slots_mlp = build_norm_layer(norm_cfg, dims)[1]
        self.mlp_tokens = MLP(dims, token_dims, dims, act_cfg, drop_rate)
        self.mlp_slots = MLP(dims, slot_dims, dims, act_cfg, drop_rate)
        self.mlp_masks = (
            MaskMLP(mask_dims, dims, hidden_mask_dims, act_cfg, drop_rate, norm_scores)
            if mask_mlp
            else None
        )
        self.add = ResidualSum(drop_path_rate)

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
        token_update, slot_update, scores = self._attend(
            tokens, self.norm_slots(slots), masks, padding, slots_only
        )  # (1)
        slots = self.add(slots, slot_update)  # (3)
        slots = self.add(slots, self.mlp_slots(self.norm_slots_mlp(slots)))  # (5)
        if slots_only:
            return None, slots, None

        tokens = self.add(tokens, token_update)  # (2)
        apply_mlps = self._recomputed_mlps if self.recompute else self._mlps
        update, masks = apply_mlps(tokens, scores)
        return self.add(tokens, update), slots, masks

    def _attend(self, tokens: Tensor, *others) -> tuple[Tensor | None, Tensor, Tensor]:
        """Mutual attention of tokens that are not normalised yet."""
        if self.recompute:
            return self.attn(tokens, *others, norm=self.norm_tokens)
        return self.attn(self.norm_tokens(tokens), *others)

    def _mlps(self, tokens: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """The update of tokens, eq. (4), and new masks, eq. (6)."""
        normed = self.norm_tokens_mlp(tokens)
        update = self.mlp_tokens(normed)
        masks = scores if self.mlp_masks is None else self.mlp_masks(scores, normed)
        return update, masks

    def _recomputed_mlps(self, tokens: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """The same, but all that is kept of it are hidden channels before activation.

        Each MLP takes the norm for itself, or it would have to be kept.
        """

        def again(function: Callable, *inputs: Tensor) -> Tensor:
            return call(function, *inputs, recompute=True, random=self.is_random)

        norm, mlp, mask_mlp = self.norm_tokens_mlp, self.mlp_tokens, self.mlp_masks
        hidden = again(lambda x: mlp[0](norm(x)), tokens)
        update = again(mlp.after_first, hidden)
        if mask_mlp is None:
            return update, scores
        hidden = again(lambda x: mask_mlp.from_tokens(norm(x)), tokens)
        # One accumulating product would keep normalised scores, or be taken again.
        hidden = again(mask_mlp.read_scores, scores) + hidden
        return update, again(mask_mlp.after_first, hidden)
