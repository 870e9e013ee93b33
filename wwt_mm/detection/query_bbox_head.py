"""What the slot head and its counterpart on patch tokens share: DETR's losses."""

import logging

import torch
from mmdet.models.dense_heads import DETRHead
from mmdet.structures import SampleList
from mmdet.utils import InstanceList
from mmengine.logging import print_log
from torch import Tensor, nn

from ..backbone import SlotMasks
from ..errors import ConfigError


class QueryBBoxHead(DETRHead):
    """A set-prediction head without a decoder: the backbone's outputs are the queries.

    Losses, Hungarian matching and prediction are DETR's (paper, sec. 3.2 (d): "similar
    to DETR"). A subclass says what the queries are: :meth:`forward` and ``box_dims``.

    Args:
        num_classes: Classes without background.
        embed_dims: Channels ``D`` of slots and tokens.
        box_dims: Channels of the features that boxes are regressed from.
        stride: Patch size of the backbone in pixels.
        bg_cls_weight: Weight of the background class in the classification loss,
            as DETR has it.
        **kwargs: Arguments of mmdet's ``DETRHead``.
    """

    def __init__(
        self,
        num_classes: int,
        embed_dims: int,
        box_dims: int,
        stride: int = 16,
        bg_cls_weight: float = 0.1,
        **kwargs,
    ) -> None:
        self.box_dims = box_dims
        self.stride = stride
        kwargs.setdefault('sync_cls_avg_factor', True)
        # DETRHead turns `bg_cls_weight` into class weights for itself only, not for
        # its subclasses.
        kwargs['loss_cls'] = {
            **dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
            **kwargs.get('loss_cls', {}),
        }
        softmax = not kwargs['loss_cls'].get('use_sigmoid', False)
        if softmax:
            weights = [1.0] * num_classes + [bg_cls_weight]
            kwargs['loss_cls'].setdefault('class_weight', weights)
        super().__init__(num_classes, embed_dims, **kwargs)
        self.bg_cls_weight = bg_cls_weight if softmax else 0
        self.num_unmatched_boxes = 0

    def _init_layers(self) -> None:
        dims = self.embed_dims
        self.fc_cls = nn.Linear(dims, self.cls_out_channels)
        self.reg_mlp = nn.Sequential(
            nn.Linear(self.box_dims, dims),
            nn.ReLU(inplace=True),
            nn.Linear(dims, dims),
            nn.ReLU(inplace=True),
        )
        self.fc_reg = nn.Linear(dims, 4)

    def forward(
        self, feats: tuple[SlotMasks, ...], img_metas: list[dict] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict classes and boxes; the last entry of ``feats`` is read.

        Args:
            feats: What the backbone returns with ``out_type='slot_masks'``.
            img_metas: Meta information of the images, or one for all, for their
                ``img_shape``. Without it, images are taken to fill the token grid.

        Returns:
            Class logits ``(1, B, Q, C + 1)``, background last, and boxes
            ``(1, B, Q, 4)``: centre x, centre y, width, height as fractions of the
            image. The leading axis is that of DETR's decoder layers.
        """
        raise NotImplementedError  # each subclass has its own queries

    def loss(
        self, feats: tuple[SlotMasks, ...], batch_data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Compute DETR's losses.

        Args:
            feats: What the backbone returns.
            batch_data_samples: Samples with ``gt_instances``, whose boxes may be none,
                or more than there are queries.

        Returns:
            ``loss_cls``, ``loss_bbox``, ``loss_iou`` and, for the log,
            ``unmatched_boxes``: boxes of this batch that had no query left.
        """
        img_metas = [sample.metainfo for sample in batch_data_samples]
        gt_instances = [sample.gt_instances for sample in batch_data_samples]
        logits, boxes = self(feats, img_metas)
        losses = self.loss_by_feat(logits, boxes, gt_instances, img_metas)
        unmatched = self._count_unmatched(gt_instances, num_queries=logits.shape[2])
        losses['unmatched_boxes'] = logits.new_full((), unmatched)
        return losses

    def predict(
        self,
        feats: tuple[SlotMasks, ...],
        batch_data_samples: SampleList,
        rescale: bool = True,
    ) -> InstanceList:
        """Predict boxes.

        Args:
            feats: What the backbone returns.
            batch_data_samples: Samples with the images' meta information.
            rescale: Whether boxes refer to the original images, not the resized ones.

        Returns:
            One ``InstanceData`` per image with ``bboxes`` (x1, y1, x2, y2 in pixels),
            ``scores`` and ``labels``, best first: ``test_cfg.max_per_img`` of them or
            as many as there are queries.
        """
        img_metas = [sample.metainfo for sample in batch_data_samples]
        logits, boxes = self(feats, img_metas)
        test_cfg, num_queries = self.test_cfg, logits.shape[2]
        limit = min(test_cfg.get('max_per_img', num_queries), num_queries)
        self.test_cfg = {**test_cfg, 'max_per_img': limit}
        try:
            return self.predict_by_feat(logits, boxes, img_metas, rescale=rescale)
        finally:
            self.test_cfg = test_cfg

    def to_scores(self, logits: Tensor) -> Tensor:
        """Class probabilities ``(..., C)`` of logits, without background."""
        if self.loss_cls.use_sigmoid:
            return logits.sigmoid()
        return logits.softmax(-1)[..., :-1]

    def _count_unmatched(self, gt_instances: InstanceList, num_queries: int) -> int:
        """Count the boxes beyond the number of queries; warn of the first ones."""
        unmatched = sum(max(len(gt) - num_queries, 0) for gt in gt_instances)
        if unmatched and not self.num_unmatched_boxes:
            most = max(len(gt) for gt in gt_instances)
            print_log(
                f'an image has {most} boxes and the model {num_queries} queries: the '
                'worst matching boxes are left out. Shown once; see unmatched_boxes in '
                'the log, and num_slots of the backbone.',
                logger='current',
                level=logging.WARNING,
            )
        self.num_unmatched_boxes += unmatched
        return unmatched

    def _extents(self, feat: SlotMasks, img_metas: list[dict] | None) -> Tensor:
        """Width and height of each image in tokens, padding not counted: ``(B, 2)``."""
        batch, _, height, width = feat.tokens.shape
        if img_metas is None:
            extents = [(float(width), float(height))]
        else:
            shapes = [meta['img_shape'] for meta in img_metas]
            extents = [(w / self.stride, h / self.stride) for h, w in shapes]
        extents = torch.tensor(extents).to(feat.tokens.device, non_blocking=True)
        return extents.expand(batch, -1)

    def _last(self, feats: tuple[SlotMasks, ...]) -> SlotMasks:
        feat = feats[-1]
        if not isinstance(feat, SlotMasks):
            raise ConfigError(
                f'{type(self).__name__} reads slots and masks, but the backbone gives '
                "a plain tensor: set out_type='slot_masks' in the backbone's config"
            )
        if feat.slots.shape[-1] != self.embed_dims:
            raise ConfigError(
                f'embed_dims={self.embed_dims} of {type(self).__name__} differs from '
                f'the {feat.slots.shape[-1]} channels of the backbone: make them equal'
            )
        return feat
