"""A detector without training: a frozen backbone and a discovery method."""

import numpy as np
import torch
from mmdet.models.detectors import BaseDetector
from mmdet.registry import MODELS, TASK_UTILS
from mmdet.structures import DetDataSample, OptSampleList, SampleList
from mmengine.structures import InstanceData
from torch import Tensor

from ..backbone import WhatWhereTransformer
from ..detection.wwt_detector import padding_of
from ..errors import ConfigError
from .box_geometry import patches_to_pixels
from .features import patch_size_of
from .regions import Regions
from .rule_search import EachRule


@MODELS.register_module()
class ObjectDiscoverer(BaseDetector):
    """Zero-shot object discovery (paper, sec. 3.2 (c)) as a detector of mmdet.

    Predicts class-agnostic boxes, so mmdet's datasets, metrics, visualisation and
    tools work with it. Images of a batch do not influence each other: padding is
    masked where the backbone can do that, and cut off, image by image, where not.

    Args:
        backbone: Config of a :class:`WhatWhereTransformer` with
            ``out_type='slot_masks'``, or of a ViT of mmpretrain with
            ``out_type='raw'``.
        method: Config of a :class:`~wwt_mm.discovery.methods.DiscoveryMethod`.
        max_per_img: How many regions to keep per image, by falling score; 1 is
            single-object discovery, ``None`` keeps all.
        with_masks: Whether predictions hold the regions' masks too.
        data_preprocessor: Config of mmdet's ``DetDataPreprocessor``.
        init_cfg: mmengine initialisation.
    """

    def __init__(
        self,
        backbone: dict,
        method: dict,
        max_per_img: int | None = None,
        with_masks: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.method = TASK_UTILS.build(method)
        if max_per_img and isinstance(self.method, EachRule):
            raise ConfigError('EachRule needs max_per_img=None; it has its own: top')
        self.max_per_img = max_per_img
        self.with_masks = with_masks

    def extract_feat(self, batch_inputs: Tensor):
        """Run the backbone on images ``(B, 3, H, W)``."""
        return self.backbone(batch_inputs)

    def _forward(self, batch_inputs: Tensor, batch_data_samples: OptSampleList = None):
        return self.extract_feat(batch_inputs)

    def loss(self, batch_inputs: Tensor, batch_data_samples: SampleList) -> dict:
        """Raise :class:`ConfigError`: there is nothing to train."""
        raise ConfigError(
            'object discovery is zero-shot and has nothing to train: pretrain the '
            'backbone with a config of configs/mmpretrain/, then run tools/test.py'
        )

    @torch.no_grad()
    def predict(
        self, batch_inputs: Tensor, batch_data_samples: SampleList
    ) -> list[DetDataSample]:
        """Find the objects of a batch of images.

        Args:
            batch_inputs: ``(B, 3, H, W)``, normalised and padded.
            batch_data_samples: Samples with ``img_shape`` and ``ori_shape``, and
                ``scale_factor`` if the image was resized.

        Returns:
            The samples with ``pred_instances``, by falling score: ``bboxes`` (R, 4)
            float32 x1, y1, x2, y2 in pixels of the original image, ``scores`` (R,),
            ``labels`` (R,) int64, all 0, ``sources`` (R,) int64, the slot or head that
            each comes from, and, on request, ``masks`` (R, height, width) bool.
        """
        regions = self._discover(batch_inputs, batch_data_samples)
        results = [
            self._to_instances(*pair, device=batch_inputs.device)
            for pair in zip(regions, batch_data_samples, strict=True)
        ]
        return self.add_pred_to_datasample(batch_data_samples, results)

    def _discover(self, images: Tensor, samples: SampleList) -> list[Regions]:
        sizes = [sample.img_shape for sample in samples]
        padding_mask = padding_of(sizes, images)
        if padding_mask is None or isinstance(self.backbone, WhatWhereTransformer):
            return self.method(self.backbone, images, padding_mask)
        return [
            self.method(self.backbone, image[None, :, : size[0], : size[1]])[0]
            for image, size in zip(images, sizes, strict=True)
        ]

    def _to_instances(
        self, regions: Regions, sample: DetDataSample, device: torch.device
    ) -> InstanceData:
        regions = Regions(*(field[: self.max_per_img] for field in regions))
        patch_size = patch_size_of(self.backbone)
        scale_factor = sample.get('scale_factor', (1.0, 1.0))
        instances = InstanceData()
        instances.bboxes = patches_to_pixels(
            torch.from_numpy(regions.boxes),
            patch_size,
            sample.img_shape,
            scale_factor,
            sample.ori_shape,
        ).to(device)
        instances.scores = torch.from_numpy(regions.scores).float().to(device)
        instances.labels = torch.zeros(
            len(regions.scores), dtype=torch.long, device=device
        )
        instances.sources = torch.from_numpy(regions.sources).to(device)
        if self.with_masks:
            masks = masks_in_pixels(
                regions.masks, patch_size, scale_factor, sample.ori_shape
            )
            instances.masks = torch.from_numpy(masks).to(device)
        return instances


def masks_in_pixels(masks: np.ndarray, patch_size, scale_factor, ori_shape):
    """Show masks of patches on the original image.

    Args:
        masks: ``(R, h, w)`` bool.
        patch_size: Height and width of a patch in pixels of the network's input.
        scale_factor: Width and height of the input over those of the original image.
        ori_shape: Height and width of the original image.

    Returns:
        ``(R, height, width)`` bool: each pixel has the value of the patch that holds
        its centre.
    """
    rows, columns = (
        np.minimum((np.arange(size) + 0.5) * scale // patch, limit - 1).astype(int)
        for size, scale, patch, limit in zip(
            ori_shape[:2], scale_factor[::-1], patch_size, masks.shape[1:], strict=True
        )
    )
    return masks[:, rows[:, None], columns]
