"""Reads slots and masks out of any model with a What-Where Transformer in it."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.model import stack_batch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from ..backbone import SlotMasks, WhatWhereTransformer
from ..errors import ConfigError
from ..guards.dataset_fit_hook import unwrap
from ..structures import SlotReading

_HEADS = ('head', 'bbox_head')


class SlotReader:
    """Runs a model's backbone and its heads on slots, and takes the batch apart.

    Images of a batch do not influence each other, whatever their sizes: padding is
    masked, as in :class:`~wwt_mm.backbone.WhatWhereTransformer`.

    Args:
        model: A model of mmpretrain, mmdet or mmseg with a ``data_preprocessor``, whose
            ``backbone`` is a ``WhatWhereTransformer``, of any ``out_type``.

    Raises:
        ConfigError: If it has another backbone.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model = unwrap(model)
        self.backbone = getattr(model, 'backbone', None)
        if not isinstance(self.backbone, WhatWhereTransformer):
            raise ConfigError(
                f'{type(model).__name__} has a {type(self.backbone).__name__} as its '
                'backbone: slots are read from a WhatWhereTransformer'
            )
        self.head = self._find_head()
        self.decoder = getattr(model, 'autoencoding_head', None)

    @property
    def num_classes(self) -> int:
        """Classes without background; 0 if slots are not classified."""
        if self.head is None:
            return 0
        owner = self.model if hasattr(self.model, 'to_classes') else self.head
        return owner.num_classes

    @property
    def has_background(self) -> bool:
        """Whether the class after the last stands for none of them, as in DETR."""
        loss = getattr(self.head, 'loss_cls', None)
        return loss is not None and not loss.use_sigmoid

    def forget_untrained(self, weights: Mapping[str, Tensor]) -> list[str]:
        """Leave out heads that are not among the weights; returns their names."""
        untrained = []
        for name, module in self.model.named_children():
            wanted = module.state_dict(prefix=f'{name}.').keys()
            if module in (self.head, self.decoder) and not wanted <= weights.keys():
                untrained.append(name)
                if module is self.head:
                    self.head = None
                else:
                    self.decoder = None
        return untrained

    @torch.no_grad()
    def __call__(
        self, inputs: Sequence[Tensor], samples: Sequence[BaseDataElement]
    ) -> list[SlotReading]:
        """Read images.

        Args:
            inputs: ``(C, H, W)`` each, BGR, as test pipelines pack them.
            samples: The data samples packed with them.

        Returns:
            One reading for each image.
        """
        images = [self._preprocess(*pair) for pair in zip(inputs, samples, strict=True)]
        batch, padding = _stack(images)
        feats = self._features(batch, padding)
        logits = self._slot_logits(feats)
        rebuilt = self._reconstruct(feats, batch)
        masks = feats[-1].masks.mean(1)  # (B, K, h, w)
        patch = self.backbone.patch_size
        readings = []
        for index, image in enumerate(inputs):
            height, width = image.shape[-2:]
            rows, columns = -(-height // patch), -(-width // patch)
            slot_scores = scores = None
            if logits is not None:
                slot_scores, scores = self._to_probabilities(logits[index])
            readings.append(
                SlotReading(
                    image=_to_picture(image.flip(0)),
                    slots=feats[-1].slots[index].float().cpu(),
                    masks=masks[index, :, :rows, :columns].float().cpu(),
                    coverage=(height / (rows * patch), width / (columns * patch)),
                    slot_probabilities=slot_scores,
                    probabilities=scores,
                    reconstruction=None
                    if rebuilt is None
                    else _to_picture(rebuilt[index, :, :height, :width]),
                )
            )
        return readings

    def _find_head(self) -> nn.Module | None:
        """The head that classifies slots, or, being linear, can do so."""
        for head in (getattr(self.model, name, None) for name in _HEADS):
            if hasattr(head, 'slot_logits'):
                return head
            is_linear = type(head).__name__ == 'LinearClsHead'
            if is_linear and self.backbone.out_type == 'avg_slots':
                return head
        return None

    def _preprocess(self, image: Tensor, sample: BaseDataElement) -> Tensor:
        """Normalise one image: ``(3, H, W)``, without what the model would pad."""
        preprocessor = self.model.data_preprocessor
        kinds = [kind.__name__ for kind in type(preprocessor).__mro__]
        of_views = 'SelfSupDataPreprocessor' in kinds  # it wants a list of batches
        data = dict(inputs=[image[None] if of_views else image], data_samples=[sample])
        batch = preprocessor(data, False)['inputs']
        batch = batch[0] if of_views else batch
        return batch[0, :, : image.shape[-2], : image.shape[-1]]

    def _features(self, batch: Tensor, padding: Tensor | None) -> tuple[SlotMasks, ...]:
        """Slots and masks, also where the model's own heads get something else."""
        out_type = self.backbone.out_type
        self.backbone.out_type = 'slot_masks'
        try:
            return self.backbone(batch, padding)
        finally:
            self.backbone.out_type = out_type

    def _slot_logits(self, feats: tuple[SlotMasks, ...]) -> Tensor | None:
        """Class logits ``(B, K, C)`` of slots, if the model has a head for them."""
        if self.head is None:
            return None
        if hasattr(self.head, 'slot_logits'):
            return self.head.slot_logits(feats)
        return self.head.fc(feats[-1].slots)  # linear, so their mean is the image's

    def _to_probabilities(self, logits: Tensor) -> tuple[Tensor, Tensor | None]:
        """From logits ``(K, C)`` to probabilities of slots and of the image."""
        if getattr(getattr(self.head, 'loss_cls', None), 'use_sigmoid', False):
            return logits.sigmoid().float().cpu(), None
        to_probabilities = getattr(self.head, 'to_probabilities', _softmax)
        slots = to_probabilities(logits)
        image = None
        if hasattr(self.model, 'head'):  # a classifier: slots vote
            mean = getattr(self.head, 'average', lambda slots: slots.mean(1))
            image = to_probabilities(mean(logits[None])[0])
        if hasattr(self.model, 'to_classes'):  # of a weakly supervised segmentor
            slots, image = self.model.to_classes(slots), self.model.to_classes(image)
        slots = slots.float().cpu()
        return slots, None if image is None else image.float().cpu()

    def _reconstruct(
        self, feats: tuple[SlotMasks, ...], batch: Tensor
    ) -> Tensor | None:
        """Images ``(B, 3, H, W)`` from the autoencoding head, RGB in [0, 255]."""
        if self.decoder is None:
            return None
        preprocessor = self.model.data_preprocessor
        images = self.decoder(feats, batch.shape[-2:])
        if getattr(preprocessor, '_enable_normalize', False):
            images = images * preprocessor.std + preprocessor.mean
        to_rgb = ('to_rgb', '_channel_conversion')
        is_rgb = any(getattr(preprocessor, name, False) for name in to_rgb)
        return images if is_rgb else images.flip(1)


def _stack(images: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """One batch, padded below and right, and its padding ``(B, H, W)``, if any."""
    inside = [torch.ones_like(image[:1], dtype=torch.bool) for image in images]
    padding = ~stack_batch(inside)[:, 0]
    return stack_batch(list(images)), padding if padding.any() else None


def _softmax(logits: Tensor) -> Tensor:
    return logits.softmax(-1)


def _to_picture(image: Tensor) -> np.ndarray:
    """``(C, H, W)`` in [0, 255] to ``(H, W, 3)`` uint8; grey unless of 3 channels."""
    if len(image) != 3:
        image = image.float().mean(0, keepdim=True).expand(3, -1, -1)
    pixels = image.float().round().clamp(0, 255).byte()
    return pixels.permute(1, 2, 0).contiguous().cpu().numpy()
