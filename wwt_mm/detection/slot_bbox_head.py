"""Boxes from slots alone: the head of YOLOS."""

from mmdet.models.layers import MLP
from mmdet.registry import MODELS
from torch import Tensor

from ..backbone import SlotMasks
from .query_bbox_head import QueryBBoxHead


@MODELS.register_module()
class SlotBBoxHead(QueryBBoxHead):
    """Each slot is classified and tells its box; masks and tokens are not used.

    With the queries of a :class:`~wwt_mm.query_vit.QueryViT` this is YOLOS (Fang et
    al., 2021): one MLP with two hidden layers for the class, one for the box.

    Args:
        num_classes: Classes without background.
        embed_dims: Channels ``D`` of the slots.
        **kwargs: Arguments of :class:`QueryBBoxHead`.
    """

    def __init__(self, num_classes: int, embed_dims: int, **kwargs) -> None:
        super().__init__(num_classes, embed_dims, box_dims=embed_dims, **kwargs)

    def _init_layers(self) -> None:
        super()._init_layers()
        self.fc_cls = MLP(self.embed_dims, self.embed_dims, self.cls_out_channels, 3)

    def forward(
        self, feats: tuple[SlotMasks, ...], img_metas: list[dict] | None = None
    ) -> tuple[Tensor, Tensor]:
        """See :meth:`QueryBBoxHead.forward`; there is one query per slot."""
        slots = self._last(feats).slots
        boxes = self.fc_reg(self.reg_mlp(slots)).float().sigmoid()
        return self.fc_cls(slots).float().unsqueeze(0), boxes.unsqueeze(0)
