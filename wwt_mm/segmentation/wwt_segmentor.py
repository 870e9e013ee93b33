"""mmseg's ``EncoderDecoder``, telling the backbone which pixels are padding."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor


@MODELS.register_module()
class WWTSegmentor(EncoderDecoder):
    """An ``EncoderDecoder`` that keeps padding out of slots and masks.

    mmseg pads images smaller than the crop in training, and to the size or divisor of
    the preprocessor's ``test_cfg`` in testing. Slots attend to the whole image, so
    with a plain ``EncoderDecoder``, which works too, padding would reach every pixel.
    In sliding-window inference windows are taken for full images.

    Args: those of mmseg's ``EncoderDecoder``.
    """

    def extract_feat(self, inputs: Tensor, padding_mask: Tensor | None = None) -> Any:
        """Run backbone and neck.

        Args:
            inputs: Images ``(B, 3, H, W)``.
            padding_mask: ``(B, H, W)`` bool, ``True`` for padding; ``None`` for none.

        Returns:
            Outputs of the backbone, or of the neck if there is one.
        """
        features = self.backbone(inputs, padding_mask)
        return self.neck(features) if self.with_neck else features

    def loss(
        self, inputs: Tensor, data_samples: Sequence[SegDataSample]
    ) -> dict[str, Tensor]:
        """Compute the losses of decode and auxiliary heads."""
        metas = [sample.metainfo for sample in data_samples]
        features = self.extract_feat(inputs, find_padding(metas, inputs))
        losses = self._decode_head_forward_train(features, data_samples)
        if self.with_auxiliary_head:
            losses.update(self._auxiliary_head_forward_train(features, data_samples))
        return losses

    def whole_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Label whole images: logits ``(B, classes, H, W)``."""
        features = self.extract_feat(inputs, find_padding(batch_img_metas, inputs))
        return self.decode_head.predict(features, batch_img_metas, self.test_cfg)


def padding_sides(meta: dict) -> Sequence[int]:
    """Padding of an image: left, right, top and bottom, in pixels."""
    return meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))


def find_padding(metas: Sequence[dict], batch: Tensor) -> Tensor | None:
    """Mark what mmseg's preprocessor has added to the images of a batch.

    Args:
        metas: Meta information of each image, with the padding (left, right, top,
            bottom) in pixels as ``padding_size`` (training) or ``img_padding_size``
            (testing).
        batch: Images padded to one size, ``(B, C, H, W)``.

    Returns:
        ``(B, H, W)`` bool, ``True`` in padding; ``None`` if there is none.
    """
    sizes = [padding_sides(meta) for meta in metas]
    if not any(any(size) for size in sizes):
        return None
    height, width = batch.shape[-2:]
    sizes = torch.tensor(sizes).to(batch.device, non_blocking=True)
    left, right, top, bottom = sizes.T.unsqueeze(2)
    y = torch.arange(height, device=batch.device)
    x = torch.arange(width, device=batch.device)
    rows = (y < top) | (y >= height - bottom)  # (B, H)
    columns = (x < left) | (x >= width - right)  # (B, W)
    return rows.unsqueeze(2) | columns.unsqueeze(1)
