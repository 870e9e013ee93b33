"""Mutual attention: tokens read slots and slots read tokens by one score matrix."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MutualAttention(nn.Module):
    """Equations (1) to (3), without their residual sums.

    One score matrix serves both directions; only the axis of the softmax differs. As
    the design has it, there are four projections (tokens: query, value; slots: key,
    value) and none after. That scores are divided by ``sqrt(D / H)`` is not given in
    the paper.

    Scores stand token by token, ``(B, N, H * K)``, as MLP_m reads them, so nothing is
    permuted from block to block. Products of three matrices are taken in the order
    that costs less (:meth:`projects_slots`); the results are the same.

    Args:
        embed_dims: Channels ``D`` of tokens and slots.
        num_heads: Heads ``H``; divides ``D``.
    """

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = (embed_dims // num_heads) ** -0.5
        self.token_qv = nn.Linear(embed_dims, 2 * embed_dims)
        self.slot_kv = nn.Linear(embed_dims, 2 * embed_dims)

    def forward(
        self,
        tokens: Tensor,
        slots: Tensor,
        masks: Tensor | None = None,
        padding: Tensor | None = None,
        slots_only: bool = False,
    ) -> tuple[Tensor | None, Tensor, Tensor]:
        """Let tokens and slots read each other.

        Args:
            tokens: Normalised tokens, ``(B, N, D)``.
            slots: Normalised slots, ``(B, K, D)``, or ``(1, K, D)`` for all images.
            masks: Masks of the block before, ``(B, N, H * K)``; ``None`` means zeros.
            padding: ``(B, N)`` bool, ``True`` for tokens that no slot may read.
            slots_only: Whether to leave out the update of tokens.

        Returns:
            The updates of tokens ``(B, N, D)``, ``None`` if left out, and of slots
            ``(B, K, D)``, and the scores ``A`` ``(B, N, H * K)``, unaffected by
            ``padding``.
        """
        slot_kv = self.slot_kv(slots).expand(tokens.shape[0], -1, -1)
        keys, slot_values = slot_kv.chunk(2, -1)
        (wq, wv), (bq, bv) = (p.chunk(2) for p in self.token_qv.parameters())
        project_slots = self.projects_slots(tokens.shape[1], slots.shape[1])

        score = self._score_projected_keys if project_slots else self._score
        scores = score(tokens, keys * self.scale, wq, bq)
        if masks is not None:
            scores.add_(masks)  # (1)

        token_update = None
        if not slots_only:
            over_slots = scores.unflatten(-1, (self.num_heads, -1)).softmax(-1)
            token_update = _join(over_slots.unbind(2), self._heads(slot_values))  # (2)
        readable = scores
        if padding is not None:
            readable = scores.masked_fill(padding.unsqueeze(-1), -torch.inf)
        pool = self._pool_then_project if project_slots else self._project_then_pool
        return token_update, pool(readable.softmax(1), tokens, wv, bv), scores  # (3)

    def projects_slots(self, num_tokens: int, num_slots: int) -> bool:
        """Whether to multiply slots with the weights of tokens.

        Instead of projecting ``N`` tokens and multiplying the results with ``K`` slots
        head by head, one can project the slots of all heads to the tokens' space and
        multiply there: fewer products if there are many tokens. The margin is for the
        smaller matrices.
        """
        dims, mask_dims = self.token_qv.in_features, self.num_heads * num_slots
        by_tokens = num_tokens * (dims + num_slots)
        by_slots = num_tokens * mask_dims + dims * num_slots
        return by_slots < 0.95 * by_tokens

    def _score(self, tokens: Tensor, keys: Tensor, wq: Tensor, bq: Tensor) -> Tensor:
        """``(Xn Wq) k^T`` for each head, ``(B, N, H * K)``."""
        queries = self._heads(F.linear(tokens, wq, bq))
        return _join(queries, (key.mT for key in self._heads(keys)))

    def _score_projected_keys(
        self, tokens: Tensor, keys: Tensor, wq: Tensor, bq: Tensor
    ) -> Tensor:
        """The same as ``Xn (Wq k^T)``."""
        size = len(wq) // self.num_heads
        heads = list(zip(self._heads(keys), wq.split(size), bq.split(size)))
        keys = torch.cat([key @ w for key, w, _ in heads], 1)  # (B, H * K, D)
        bias = torch.cat([key @ b for key, _, b in heads], 1)  # (B, H * K)
        return torch.baddbmm(bias.unsqueeze(1), tokens, keys.mT)

    def _project_then_pool(
        self, weights: Tensor, tokens: Tensor, wv: Tensor, bv: Tensor
    ) -> Tensor:
        """``weights^T (Xn Wv)`` for each head, ``(B, K, D)``."""
        values = self._heads(F.linear(tokens, wv, bv))
        return _join((w.mT for w in self._heads(weights)), values)

    def _pool_then_project(
        self, weights: Tensor, tokens: Tensor, wv: Tensor, bv: Tensor
    ) -> Tensor:
        """The same as ``(weights^T Xn) Wv``, for weights that sum to one."""
        size = len(wv) // self.num_heads
        pooled = (weights.mT @ tokens).chunk(self.num_heads, 1)  # (B, K, D) each
        projections = zip(pooled, wv.split(size), bv.split(size))
        return torch.cat([F.linear(*projection) for projection in projections], -1)

    def _heads(self, x: Tensor) -> tuple[Tensor, ...]:
        """The heads' channels of ``(B, L, C)``, ``(B, L, C / H)`` each."""
        return x.chunk(self.num_heads, -1)


def _join(lefts: Iterable[Tensor], rights: Iterable[Tensor]) -> Tensor:
    """Each head's matrix product, side by side."""
    return torch.cat([left @ right for left, right in zip(lefts, rights)], -1)
