"""Mutual attention: tokens read slots and slots read tokens by one score matrix."""

import torch
from torch import Tensor, nn


class MutualAttention(nn.Module):
    """Equations (1) to (3), without their residual sums.

    One score matrix serves both directions; only the axis of the softmax differs. As
    the design has it, there are four projections (tokens: query, value; slots: key,
    value) and none after. That scores are divided by ``sqrt(D / H)`` is not given in
    the paper.

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
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Let tokens and slots read each other.

        Args:
            tokens: Normalised tokens, ``(B, N, D)``.
            slots: Normalised slots, ``(B, K, D)``.
            masks: Masks of the block before, ``(B, H, N, K)``; ``None`` means zeros.
            padding: ``(B, N)`` bool, ``True`` for tokens that no slot may read.

        Returns:
            The updates of tokens ``(B, N, D)`` and of slots ``(B, K, D)``, and the
            scores ``A`` ``(B, H, N, K)``, unaffected by ``padding``.
        """
        q, token_v = self._split(self.token_qv(tokens))  # (B, H, N, D/H) each
        k, slot_v = self._split(self.slot_kv(slots))  # (B, H, K, D/H) each

        scores = (q * self.scale) @ k.transpose(-1, -2)  # (B, H, N, K)
        if masks is not None:
            scores = scores + masks  # (1)
        token_update = scores.softmax(-1) @ slot_v  # over slots             (2)
        readable = scores
        if padding is not None:
            readable = scores.masked_fill(padding[:, None, :, None], -torch.inf)
        slot_update = readable.softmax(-2).mT @ token_v  # over tokens       (3)
        return self._merge(token_update), self._merge(slot_update), scores

    def _split(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, L, 2D)`` to two tensors ``(B, H, L, D/H)``."""
        first, second = (
            pair.unflatten(-1, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        )
        return first, second

    @staticmethod
    def _merge(heads: Tensor) -> Tensor:
        """``(B, H, L, D/H)`` to ``(B, L, D)``."""
        return heads.transpose(1, 2).flatten(2)
