"""What the backbone hands to every head: *what* (slots) and *where* (masks)."""

from typing import NamedTuple

from torch import Tensor


class Slots(NamedTuple):
    """The slots alone, where a caller asked for ``slots_only``: ``(B, K, D)``."""

    slots: Tensor


class SlotMasks(NamedTuple):
    """The output of one What-Where block (paper, sec. 3.1).

    ``B`` images, ``K`` slots, ``D`` channels, ``H`` heads, a grid of ``h x w`` tokens.

    Attributes:
        slots: What, ``(B, K, D)``: one embedding per visual entity.
        masks: Where, ``(B, H, K, h, w)``: raw logits, which may be negative. Heads of
            the model that want one mask per slot take the mean over ``H``.
        tokens: Patch tokens, ``(B, D, h, w)``.
        padding_mask: ``(B, h, w)`` bool, ``True`` where a token lies wholly in the
            padding of a batch; ``None`` if nothing is padded. There, masks and tokens
            are zero.
    """

    slots: Tensor
    masks: Tensor
    tokens: Tensor
    padding_mask: Tensor | None = None

    def reassemble(self, heads: str = 'mean') -> Tensor:
        """Dense features from slots and masks, eq. (7): ``F = M S``.

        Args:
            heads: What ``M`` is, for the paper does not say: ``'mean'`` is one mask for
                all channels, the mean over heads; ``'each'`` gives each head's mask its
                own ``D / H`` channels, as in eq. (2).

        Returns:
            ``(B, D, h, w)``.
        """
        grid = self.masks.shape[-2:]
        masks, slots = self.masks.flatten(3), self.slots.mT  # (B, H, K, N), (B, D, K)
        if heads == 'mean':
            features = slots @ masks.mean(1)  # (B, D, N)       (7)
        else:
            groups = slots.unflatten(1, (masks.shape[1], -1))  # (B, H, D / H, K)
            features = (groups @ masks).flatten(1, 2)  # (B, D, N)       (7)
        return features.unflatten(2, grid)
