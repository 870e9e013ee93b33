"""The classification head of the paper's Fig. 4 (a): classify slots, then average."""

import math
from collections.abc import Sequence

from mmpretrain.models.heads import ClsHead, MultiLabelClsHead
from mmpretrain.models.losses import FocalLoss
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from wwt_mm.backbone import SlotMasks
from wwt_mm.backbone.initial_weights import init_cfg_of
from wwt_mm.errors import ConfigError, one_of


@MODELS.register_module()
class SlotClsHead(ClsHead):
    """Classify each slot by an MLP and average the logits over slots.

    The paper says "a multilayer perceptron"; two layers, the hidden one as wide as the
    slots, reproduce the sizes of its Table 1.

    With a loss that has ``use_sigmoid=True``, an image may have several classes, each
    with a probability of its own: those of at least 0.5 are predicted. (Not in the
    paper.)

    Args:
        num_classes: Classes ``C``.
        in_channels: Channels ``D`` of a slot.
        hidden_channels: Width of the hidden layer; ``None`` means ``in_channels``.
        average_of: What is averaged over slots, ``'logits'`` or ``'probabilities'``. Of
            "the results are averaged" (sec. 3.2 (a)) either may be meant.
        init_cfg: mmengine initialisation; ``None`` means DeiT's.
        **kwargs: As for mmpretrain's ``ClsHead``: ``loss``, which takes labels ``(B,)``
            or, after Mixup and CutMix, label scores ``(B, C)``; ``topk``; ``cal_acc``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        hidden_channels: int | None = None,
        average_of: str = 'logits',
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ) -> None:
        if init_cfg is None:
            init_cfg = init_cfg_of('Linear')
        super().__init__(init_cfg=init_cfg, **kwargs)
        self.average_of = one_of('average_of', average_of, ('logits', 'probabilities'))
        self.num_classes = num_classes
        loss = getattr(self.loss_module, 'ce', self.loss_module)  # LabelSmoothLoss's
        is_focal = isinstance(loss, FocalLoss)  # which has no other form
        self.use_sigmoid = bool(getattr(loss, 'use_sigmoid', is_focal))
        self.thr = 0.5
        if self.use_sigmoid and average_of == 'probabilities':
            raise ConfigError(
                "average_of='probabilities' is for classes that exclude each other: "
                "use 'logits' with a loss of use_sigmoid=True"
            )
        hidden_channels = hidden_channels or in_channels
        self.hidden = nn.Linear(in_channels, hidden_channels)
        self.act = nn.GELU()
        self.classifier = nn.Linear(hidden_channels, num_classes)

    def pre_logits(self, feats: Sequence[SlotMasks]) -> Tensor:
        """Features ``(B, K, hidden)`` of the last block's slots, before the logits."""
        return self.act(self.hidden(feats[-1].slots))

    def slot_logits(self, feats: Sequence[SlotMasks]) -> Tensor:
        """Class logits ``(B, K, C)`` of each slot of the last block."""
        return self.classifier(self.pre_logits(feats))

    def average(self, slot_logits: Tensor) -> Tensor:
        """Logits ``(B, C)`` of images from those of their slots, ``(B, K, C)``.

        With ``average_of='probabilities'``, the logarithm of their mean.
        """
        if self.average_of == 'logits':
            return slot_logits.mean(1)
        slots = math.log(slot_logits.shape[1])
        return slot_logits.log_softmax(-1).logsumexp(1) - slots

    def forward(self, feats: Sequence[SlotMasks]) -> Tensor:
        """Class logits ``(B, C)`` of each image: the average over its slots."""
        return self.average(self.slot_logits(feats))

    def to_probabilities(self, logits: Tensor) -> Tensor:
        """Class probabilities of logits ``(..., C)``."""
        return logits.sigmoid() if self.use_sigmoid else logits.softmax(-1)

    def loss(
        self, feats: Sequence[SlotMasks], data_samples: list[DataSample], **kwargs
    ) -> dict[str, Tensor]:
        """See mmpretrain's ``ClsHead.loss``."""
        return self._get_loss(self._image_logits(feats), data_samples, **kwargs)

    def predict(
        self,
        feats: Sequence[SlotMasks],
        data_samples: list[DataSample | None] | None = None,
    ) -> list[DataSample]:
        """See mmpretrain's ``ClsHead.predict``."""
        return self._get_predictions(self._image_logits(feats), data_samples)

    def _get_loss(
        self, cls_score: Tensor, data_samples: list[DataSample], **kwargs
    ) -> dict[str, Tensor]:
        kind = MultiLabelClsHead if self.use_sigmoid else ClsHead
        return kind._get_loss(self, cls_score, data_samples, **kwargs)

    def _get_predictions(
        self, cls_score: Tensor, data_samples: list[DataSample | None] | None
    ) -> list[DataSample]:
        kind = MultiLabelClsHead if self.use_sigmoid else ClsHead
        return kind._get_predictions(self, cls_score, data_samples)

    def _image_logits(self, feats: Sequence[SlotMasks]) -> Tensor:
        """What :meth:`forward` returns, for less where logits are averaged.

        The classifier is linear, so the mean of the slots' logits is the logits of
        their mean.
        """
        if self.average_of == 'probabilities':
            return self(feats)
        return self.classifier(self.pre_logits(feats).mean(1))
