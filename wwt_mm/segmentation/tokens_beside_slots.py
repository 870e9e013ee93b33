"""Feature maps for the heads of mmseg, next to slots and masks for ours."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from ..backbone import SlotMasks


@MODELS.register_module()
class TokensBesideSlots(BaseModule):
    """A neck that offers the backbone's tokens as ordinary feature maps.

    With ``n`` outputs of the backbone, heads find its tokens at ``in_index`` 0 to
    ``n - 1`` and its :class:`SlotMasks` at ``n`` to ``2n - 1``. So an auxiliary
    ``FCNHead`` reads tokens of any block (``in_index=0``) while the decode head reads
    slots and masks of the last one (``in_index=-1``, the default).
    """

    def forward(self, inputs: Sequence[SlotMasks]) -> tuple[Tensor | SlotMasks, ...]:
        """Put the tokens ``(B, D, h, w)`` of all outputs before the outputs."""
        return (*(output.tokens for output in inputs), *inputs)
