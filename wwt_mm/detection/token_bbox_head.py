"""The counterpart the paper compares with: the same head on patch tokens."""

import torch
from mmdet.registry import MODELS
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ..backbone import SlotMasks
from .query_bbox_head import QueryBBoxHead

_CERTAIN = 1e4  # a logit that leaves no doubt, in float16 as well


@MODELS.register_module()
class TokenBBoxHead(QueryBBoxHead):
    """Detection head on tokens (paper, Table 6: "WWT + det. head on tokens").

    Each token is classified, and an MLP turns the token and its coordinates into a
    box. Slots and masks are not used. Details are not given in the paper.

    Args:
        num_classes: Classes without background.
        embed_dims: Channels ``D`` of the tokens.
        **kwargs: Arguments of :class:`QueryBBoxHead`.
    """

    def __init__(self, num_classes: int, embed_dims: int, **kwargs) -> None:
        super().__init__(num_classes, embed_dims, box_dims=embed_dims + 2, **kwargs)

    def _init_layers(self) -> None:
        super()._init_layers()
        self.norm_tokens = nn.LayerNorm(self.embed_dims)

    def forward(
        self, feats: tuple[SlotMasks, ...], img_metas: list[dict] | None = None
    ) -> tuple[Tensor, Tensor]:
        """See :meth:`QueryBBoxHead.forward`; there is one query per token.

        Padded tokens are background for certain and their boxes empty, so that they
        are neither matched nor predicted; nor are they counted by the losses.
        """
        feat = self._last(feats)
        tokens = self.norm_tokens(feat.tokens.flatten(2).mT)  # (B, N, D)
        coordinates = self._coordinates(feat, img_metas).to(tokens.dtype)
        logits = self.fc_cls(tokens).float()
        features = torch.cat((tokens, coordinates), dim=-1)
        boxes = self.fc_reg(self.reg_mlp(features)).float().sigmoid()
        if feat.padding_mask is not None:
            padding = feat.padding_mask.flatten(1).unsqueeze(-1)
            background = torch.full_like(logits[0, 0], -_CERTAIN)
            if not self.loss_cls.use_sigmoid:
                background[-1] = _CERTAIN
            logits = torch.where(padding, background, logits)
            boxes = boxes.masked_fill(padding, 0)
        return logits.unsqueeze(0), boxes.unsqueeze(0)

    def _get_targets_single(
        self,
        cls_score: Tensor,
        bbox_pred: Tensor,
        gt_instances: InstanceData,
        img_meta: dict,
    ) -> tuple:
        """As DETR's, of the tokens that are not padded; the others have no weight."""
        (real,) = (cls_score[:, 0] != -_CERTAIN).nonzero(as_tuple=True)
        *targets, positives, negatives = super()._get_targets_single(
            cls_score[real], bbox_pred[real], gt_instances, img_meta
        )
        spread = [
            target.new_zeros(len(cls_score), *target.shape[1:]).index_copy_(
                0, real, target
            )
            for target in targets
        ]
        return (*spread, real[positives], real[negatives])

    def _coordinates(self, feat: SlotMasks, img_metas: list[dict] | None) -> Tensor:
        """Centres (x, y) of tokens as fractions of each image: ``(B, N, 2)``."""
        height, width = feat.tokens.shape[-2:]
        device = feat.tokens.device
        y, x = torch.meshgrid(
            torch.arange(height, device=device) + 0.5,
            torch.arange(width, device=device) + 0.5,
            indexing='ij',
        )
        centres = torch.stack((x, y), -1).flatten(0, 1)
        return centres / self._extents(feat, img_metas).unsqueeze(1)
