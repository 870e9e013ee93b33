"""One What-Where block, equations (1) to (6) of the paper's section 3.1.

``B`` images, ``N`` tokens ``X``, ``K`` slots ``S``, ``D`` channels, ``H`` heads. Masks
``M`` and scores ``A`` are raw logits that stand token by token, ``(B, N, H * K)``.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import build_activation_layer, build_norm_layer
from torch import Tensor, nn

from .drop_path import DropPath
from .in_place import GELU, add


class WhatWhereBlock(nn.Module):
    """Tokens, slots and masks in, the same out.

    Args:
        embed_dims: Channels ``D`` of tokens and slots.
        num_heads: Heads ``H``.
        num_slots: Slots ``K``; MLP_m reads and writes ``H * K`` channels.
        mlp_ratios: Hidden widths of MLP_x (tokens), MLP_s (slots) and MLP_m (masks) as
            multiples of ``D``. Not given in the paper; 2, 3 and 1.5 reproduce the
            sizes of its Table 1.
        mask_mlp: Whether masks pass through MLP_m. If not, ``M+ = A``: Table 7,
            "w/o MLP over attention".
        norm_scores: Whether MLP_m reads scores, not tokens, through one more layer norm
            without parameters (not given in the paper).
        drop_rate: Probability of dropout in the MLPs.
        drop_path_rate: Probability of stochastic depth on each residual branch. Masks
            have no residual, so nothing of theirs is ever dropped.
        norm_cfg: Config of the normalisation.
        act_cfg: Config of the MLPs' activation.
        attention: See :class:`MutualAttention`.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_slots: int,
        mlp_ratios: Sequence[float],
        mask_mlp: bool = True,
        norm_scores: bool = False,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        norm_cfg: dict = dict(type='LN', eps=1e-6),
        act_cfg: dict = dict(type='GELU'),
        attention: str = 'auto',
    ) -> None:
        super().__init__()
        self.norm_scores = norm_scores
        dims, mask_dims = embed_dims, num_heads * num_slots
        token_dims, slot_dims, hidden_mask_dims = (int(r * dims) for r in mlp_ratios)

        self.norm_tokens = build_norm_layer(norm_cfg, dims)[1]
        self.norm_slots = build_norm_layer(norm_cfg, dims)[1]
        self.attn = MutualAttention(dims, num_heads, attention)
        self.norm_tokens_mlp = build_norm_layer(norm_cfg, dims)[1]
        self.norm_slots_mlp = build_norm_layer(norm_cfg, dims)[1]
        others = act_cfg, drop_rate
        self.mlp_tokens = _mlp(dims, token_dims, dims, *others)
        self.mlp_slots = _mlp(dims, slot_dims, dims, *others)
        self.mlp_masks = (
            _mlp(mask_dims + dims, hidden_mask_dims, mask_dims, *others)
            if mask_mlp
            else None
        )
        self.drop = DropPath(drop_path_rate) if drop_path_rate else nn.Identity()

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
                reader looks at slots only: then (2), (4) and (6) are left out.

        Returns:
            ``X+``, ``S+`` and ``M+``, in the shapes of ``X``, ``S`` and ``M``; with
            ``slots_only``, ``None`` for the first and the last.
        """
        drop = self.drop
        scores, token_update, slot_update = self.attn(
            self.norm_tokens(tokens), self.norm_slots(slots), masks, padding, slots_only
        )  # (1)
        if not slots_only:
            tokens = add(tokens, drop(token_update))  # (2)
        slots = add(slots, drop(slot_update))  # (3)
        slots = add(slots, drop(self.mlp_slots(self.norm_slots_mlp(slots))))  # (5)
        if slots_only:
            return None, slots, None
        normed = self.norm_tokens_mlp(tokens).to(scores.dtype)
        tokens = add(tokens, drop(self.mlp_tokens(normed)))  # (4)
        if self.mlp_masks is None:
            return tokens, slots, scores
        if self.norm_scores:
            scores = F.layer_norm(scores, scores.shape[-1:]).to(scores.dtype)
        masks = self.mlp_masks(torch.cat([scores, normed], -1))  # (6), no residual
        return tokens, slots, masks


class MutualAttention(nn.Module):
    """Tokens read slots and slots read tokens by one score matrix, (1) to (3).

    Only the axis of the softmax differs. There are four projections (tokens: query,
    value; slots: key, value) and none after. That scores are divided by ``sqrt(D / H)``
    is not given in the paper.

    Tokens themselves are never projected: ``(X Wq) k^T = X (Wq k^T)``, and since
    weights sum to one, ``softmax(A)^T (X Wv + b) = (softmax(A)^T X) Wv + b``.

    Args:
        embed_dims: Channels ``D`` of tokens and slots.
        num_heads: Heads ``H``; divides ``D``.
        attention: ``'eager'`` for PyTorch's operations, ``'fused'`` for the kernels of
            fused_attention.py, ``'auto'`` for what was faster by the clock on a GPU,
            ``'eager'`` (docs/performance.md).

    Attributes:
        one_product: Whether (2) is one product for all heads, with zeros between them,
            or one product for each. ``None``: on GPUs, where launches cost more than
            zeros; in float32 on CPUs the zeros cost 3 %.
    """

    own_channels: Tensor

    def __init__(
        self, embed_dims: int, num_heads: int, attention: str = 'auto'
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.fused = attention == 'fused'
        if self.fused:
            from . import fused_attention  # noqa: F401, an error if there is no triton
        self.one_product: bool | None = None
        self.scale = (embed_dims // num_heads) ** -0.5
        self.token_qv = nn.Linear(embed_dims, 2 * embed_dims)
        self.slot_kv = nn.Linear(embed_dims, 2 * embed_dims)
        own = torch.eye(num_heads, dtype=torch.bool)
        own = own.repeat_interleave(embed_dims // num_heads, 1).unsqueeze(1)
        self.register_buffer('own_channels', own, persistent=False)  # (H, 1, D)

    def forward(
        self,
        tokens: Tensor,
        slots: Tensor,
        masks: Tensor | None = None,
        padding: Tensor | None = None,
        slots_only: bool = False,
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """Let tokens and slots read each other.

        Args:
            tokens: Normalised tokens, ``(B, N, D)``.
            slots: Normalised slots, ``(B, K, D)``, or ``(1, K, D)`` for all images.
            masks: Masks of the block before, ``(B, N, H * K)``; ``None`` means zeros.
            padding: ``(B, N)`` bool, ``True`` for tokens that no slot may read.
            slots_only: Whether to leave out the update of tokens.

        Returns:
            The scores ``A`` ``(B, N, H * K)``, unaffected by ``padding``, and the
            updates of tokens ``(B, N, D)``, ``None`` if left out, and of slots
            ``(B, K, D)``.
        """
        heads = (2, self.num_heads, -1)
        slot_kv = self.slot_kv(slots).expand(len(tokens), -1, -1)
        keys, values = slot_kv.unflatten(-1, heads).unbind(2)  # (B, K, H, D / H)
        # One cast for both halves, to autocast's dtype; below nothing is cast again.
        weight, bias = (p.to(keys.dtype) for p in self.token_qv.parameters())
        wq, wv = weight.unflatten(0, heads).unbind(0)  # (H, D / H, D)
        bq, bv = bias.unflatten(0, heads).unbind(0)  # (H, D / H)
        with torch.autocast(tokens.device.type, enabled=False):
            tokens, keys = tokens.to(keys.dtype), keys * self.scale
            shift = torch.einsum('bkhc,hc->bhk', keys, bq)
            keys = torch.einsum('bkhc,hcd->bhkd', keys, wq)
            attend = self.attend
            if self.fused:
                from .fused_attention import attend
            scores, token_update, pooled, *_ = attend(
                tokens, keys, shift, masks, values, padding, slots_only
            )
            slot_update = torch.einsum('bhkd,hcd->bkhc', pooled, wv) + bv
        return scores, None if slots_only else token_update, slot_update.flatten(2)

    def attend(
        self,
        tokens: Tensor,
        keys: Tensor,
        shift: Tensor,
        masks: Tensor | None,
        values: Tensor,
        padding: Tensor | None,
        slots_only: bool,
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """What :func:`.fused_attention.attend` describes."""
        shift, keys = shift.flatten(1).unsqueeze(1), keys.flatten(1, 2)
        scores = torch.baddbmm(shift, tokens, keys.mT)
        if masks is not None:
            scores.add_(masks)  # (1)
        update = None if slots_only else self._read_slots(scores, values)
        by_slot = scores.mT  # over other axes than the last, CUDA's softmax is slow
        if padding is not None:
            by_slot = by_slot.masked_fill(padding.unsqueeze(1), -torch.inf)
        pooled = by_slot.softmax(-1) @ tokens  # for (3)
        return scores, update, pooled.unflatten(1, (self.num_heads, -1))

    def _read_slots(self, scores: Tensor, values: Tensor) -> Tensor:
        """``softmax_over_K(A) (Sn Wvs)`` of each head, ``(B, N, D)``, for (2)."""
        weights = scores.unflatten(-1, (self.num_heads, -1)).softmax(-1)
        if not (scores.is_cuda if self.one_product is None else self.one_product):
            heads = zip(weights.unbind(2), values.unbind(2))
            return torch.cat([weight @ value for weight, value in heads], -1)
        values = values.flatten(2).unsqueeze(1) * self.own_channels  # (B, H, K, D)
        return weights.flatten(2) @ values.flatten(1, 2)


def _mlp(
    in_dims: int, hidden_dims: int, out_dims: int, act_cfg: dict, drop_rate: float
) -> nn.Sequential:
    is_gelu = act_cfg == dict(type='GELU')
    return nn.Sequential(
        nn.Linear(in_dims, hidden_dims),
        GELU() if is_gelu else build_activation_layer(act_cfg),
        nn.Dropout(drop_rate),
        nn.Linear(hidden_dims, out_dims),
        nn.Dropout(drop_rate),
    )
