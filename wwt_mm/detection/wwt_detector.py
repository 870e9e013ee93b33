"""WWT-DET: the backbone, and a head on its slots and masks. No decoder."""

from collections.abc import Sequence

import torch
from mmdet.models.detectors import SingleStageDetector
from mmdet.registry import MODELS
from mmdet.structures import OptSampleList, SampleList
from torch import Tensor

from ..backbone import SlotMasks


@MODELS.register_module()
class WWTDetector(SingleStageDetector):
    """A single-stage detector that tells its backbone which pixels are padding.

    Images of one batch differ in size and are padded to a common one. The backbone
    keeps the padding out of slots and masks, so predictions for an image do not
    depend on what it was batched with.

    Args: those of mmdet's ``SingleStageDetector``, without ``neck``.
    """

    def loss(
        self, batch_inputs: Tensor, batch_data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Compute the head's losses; see :meth:`MaskPoolBBoxHead.loss`."""
        feats = self.extract_feat(batch_inputs, batch_data_samples)
        return self.bbox_head.loss(feats, batch_data_samples)

    def predict(
        self,
        batch_inputs: Tensor,
        batch_data_samples: SampleList,
        rescale: bool = True,
    ) -> SampleList:
        """Predict boxes; see :meth:`MaskPoolBBoxHead.predict`."""
        feats = self.extract_feat(batch_inputs, batch_data_samples)
        results = self.bbox_head.predict(feats, batch_data_samples, rescale=rescale)
        return self.add_pred_to_datasample(batch_data_samples, results)

    def _forward(
        self, batch_inputs: Tensor, batch_data_samples: OptSampleList = None
    ) -> tuple[Tensor, Tensor]:
        feats = self.extract_feat(batch_inputs, batch_data_samples)
        metas = batch_data_samples and [s.metainfo for s in batch_data_samples]
        return self.bbox_head(feats, metas)

    def extract_feat(
        self, batch_inputs: Tensor, batch_data_samples: OptSampleList = None
    ) -> tuple[SlotMasks, ...]:
        """Run the backbone.

        Args:
            batch_inputs: Images ``(B, 3, H, W)``.
            batch_data_samples: Samples whose ``img_shape`` tells padding from image;
                without them nothing counts as padding.

        Returns:
            One :class:`SlotMasks` per ``out_indices`` of the backbone.
        """
        padding_mask = None
        if batch_data_samples is not None:
            sizes = [sample.metainfo['img_shape'] for sample in batch_data_samples]
            padding_mask = padding_of(sizes, batch_inputs)
        return self.backbone(batch_inputs, padding_mask)


def padding_of(sizes: Sequence[tuple[int, int]], batch: Tensor) -> Tensor | None:
    """Mark the pixels of a batch that lie outside its images.

    Args:
        sizes: Height and width of each image in pixels.
        batch: Images padded below and to the right, ``(B, C, H, W)``.

    Returns:
        ``(B, H, W)`` bool, ``True`` outside; ``None`` if every image fills the batch.
    """
    height, width = batch.shape[-2:]
    if all(tuple(size[:2]) == (height, width) for size in sizes):
        return None
    limits = torch.tensor([size[:2] for size in sizes])
    limits = limits.to(batch.device, non_blocking=True)
    rows = torch.arange(height, device=batch.device) >= limits[:, :1]  # (B, H)
    columns = torch.arange(width, device=batch.device) >= limits[:, 1:]  # (B, W)
    return rows.unsqueeze(2) | columns.unsqueeze(1)
