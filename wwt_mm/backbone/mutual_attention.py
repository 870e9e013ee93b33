"""Mutual attention: tokens read slots and slots read tokens by one score matrix."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .recompute import call


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
        recompute: Whether the backward pass computes softmaxes and norms again.
    """

    def __init__(
        self, embed_dims: int, num_heads: int, recompute: bool = False
    ) -> None:
        super().__init__()
        self.recompute = recompute
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
        norm: Callable[[Tensor], Tensor] = lambda tokens: tokens,
    ) -> tuple[Tensor | None, Tensor, Tensor]:
        """Let tokens and slots read each other.

        Args:
            tokens: Normalised tokens, ``(B, N, D)``.
            slots: Normalised slots, ``(B, K, D)``, or ``(1, K, D)`` for all images.
            masks: Masks of the block before, ``(B, N, H * K)``; ``None`` means zeros.
            padding: ``(B, N)`` bool, ``True`` for tokens that no slot may read.
            slots_only: Whether to leave out the update of tokens.
            norm: Normalises tokens each time they are read, if they are not yet
                normalised: then its result need not be kept.

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
        scores = score(tokens, norm, keys * self.scale, wq, bq)
        if masks is not None:
            scores.add_(masks)  # (1)

        token_update = None
        if not slots_only:
            token_update = self._call(self._read_slots, scores, slot_values)  # (2)
        pool = self._pool_then_project if project_slots else self._project_then_pool
        slot_update = pool(scores, padding, tokens, norm, wv, bv)  # (3)
        return token_update, slot_update, scores

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

    def _score(
        self, tokens: Tensor, norm: Callable, keys: Tensor, wq: Tensor, bq: Tensor
    ) -> Tensor:
        """``(Xn Wq) k^T`` for each head, ``(B, N, H * K)``."""
        queries = self._heads(self._project(tokens, norm, wq, bq))
        return _join(queries, (key.mT for key in self._heads(keys)))

    def _score_projected_keys(
        self, tokens: Tensor, norm: Callable, keys: Tensor, wq: Tensor, bq: Tensor
    ) -> Tensor:
        """The same as ``Xn (Wq k^T)``."""

        def multiply(tokens: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
            return torch.baddbmm(bias.unsqueeze(1), norm(tokens), keys.mT)

        size = len(wq) // self.num_heads
        heads = list(zip(self._heads(keys), wq.split(size), bq.split(size)))
        keys = torch.cat([key @ w for key, w, _ in heads], 1)  # (B, H * K, D)
        bias = torch.cat([key @ b for key, _, b in heads], 1)  # (B, H * K)
        return self._call(multiply, tokens, keys, bias)

    def _read_slots(self, scores: Tensor, slot_values: Tensor) -> Tensor:
        """``softmax_over_K(A) (Sn Wvs)`` for each head, ``(B, N, D)``."""
        over_slots = scores.unflatten(-1, (self.num_heads, -1)).softmax(-1)
        return _join(over_slots.unbind(2), self._heads(slot_values))

    def _project_then_pool(
        self,
        scores: Tensor,
        padding: Tensor | None,
        tokens: Tensor,
        norm: Callable,
        wv: Tensor,
        bv: Tensor,
    ) -> Tensor:
        """``softmax_over_N(A)^T (Xn Wv)`` for each head, ``(B, K, D)``."""

        def pool(scores: Tensor, values: Tensor) -> Tensor:
            weights = self._heads(_over_tokens(scores, padding))
            return _join((w.mT for w in weights), self._heads(values))

        return self._call(pool, scores, self._project(tokens, norm, wv, bv))

    def _pool_then_project(
        self,
        scores: Tensor,
        padding: Tensor | None,
        tokens: Tensor,
        norm: Callable,
        wv: Tensor,
        bv: Tensor,
    ) -> Tensor:
        """The same as ``(softmax_over_N(A)^T Xn) Wv``, since weights sum to one."""

        def pool(scores: Tensor, tokens: Tensor) -> Tensor:
            return _over_tokens(scores, padding).mT @ norm(tokens)  # (B, H * K, D)

        size = len(wv) // self.num_heads
        pooled = self._call(pool, scores, tokens).chunk(self.num_heads, 1)
        projections = zip(pooled, wv.split(size), bv.split(size))
        return torch.cat([F.linear(*projection) for projection in projections], -1)

    def _project(
        self, tokens: Tensor, norm: Callable, weight: Tensor, bias: Tensor
    ) -> Tensor:
        return self._call(lambda x: F.linear(norm(x), weight, bias), tokens)

    def _call(self, function: Callable, *inputs: Tensor) -> Tensor:
        return call(function, *inputs, recompute=self.recompute)

    def _heads(self, x: Tensor) -> tuple[Tensor, ...]:
        """The heads' channels of ``(B, L, C)``, ``(B, L, C / H)`` each."""
        return x.chunk(self.num_heads, -1)


def _over_tokens(scores: Tensor, padding: Tensor | None) -> Tensor:
    """Softmax over the tokens that are no padding, ``(B, N, H * K)``."""
    if padding is not None:
        scores = scores.masked_fill(padding.unsqueeze(-1), -torch.inf)
    return scores.softmax(1)


def _join(lefts: Iterable[Tensor], rights: Iterable[Tensor]) -> Tensor:
    """Each head's matrix product, side by side."""
    return torch.cat([left @ right for left, right in zip(lefts, rights)], -1)
