"""Feature maps for the libraries' heads, next to slots and masks for ours."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor

from ..backbone import SlotMasks


@MODELS.register_module()
class TokensBesideSlots(BaseModule):
    """A neck that offers the backbone's tokens as ordinary feature maps.

    The maps come first, then the backbone's outputs as they are. So an auxiliary
    ``FCNHead`` reads tokens of any block (``in_index=0``) while the decode head reads
    slots and masks of the last one (``in_index=-1``, the default).

    Args:
        neck: Config of a neck that the tokens go through, such as a pyramid; without
            it there is one map for each output of the backbone.
    """

    def __init__(self, neck: dict | None = None) -> None:
        super().__init__()
        self.neck = neck and MODELS.build(neck)

    def forward(self, inputs: Sequence[SlotMasks]) -> tuple[Tensor | SlotMasks, ...]:
        """Put maps ``(B, C, h, w)`` before the outputs."""
        maps = [output.tokens for output in inputs]
        return (*(self.neck(maps) if self.neck else maps), *inputs)
