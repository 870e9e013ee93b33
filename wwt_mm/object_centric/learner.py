"""One harness for WWT-OCL and its baselines: group, decode, compare with a target."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from ..errors import ConfigError
from .objects import ObjectSlots, Reconstruction


@MODELS.register_module()
class ObjectCentricLearner(BaseModel):
    """Learns objects by predicting a target from few slots (paper, sec. 4, Table 5).

    ``backbone`` -> ``grouping`` -> ``decoder``, and the mean squared error to what
    ``target`` makes of the same images. Each row of Table 5 is a choice of the four.

    Args:
        grouping: Config of :class:`FirstSlots` or :class:`SlotAttention`.
        backbone: Config of what reads the images. ``None``: the grouping reads the
            features of the target, as in DINOSAUR.
        decoder: Config of a decoder; ``None`` for zero-shot evaluation, where the
            grouping's masks are the result.
        target: Config of :class:`FeatureTeacher` or :class:`PixelTarget`; it reads RGB
            pixels, whatever the normalisation of the backbone.
        data_preprocessor: Config of mmengine's ``ImgDataPreprocessor``.
        init_cfg: mmengine initialisation.

    Raises:
        ConfigError: If the parts do not make a model.
    """

    def __init__(
        self,
        grouping: dict,
        backbone: dict | None = None,
        decoder: dict | None = None,
        target: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        if target is None and (decoder is not None or backbone is None):
            raise ConfigError(
                'model.target is missing: a decoder needs something to predict, and '
                'without a backbone the grouping reads the features of the target'
            )
        self.backbone = backbone and MODELS.build(backbone)
        self.grouping = MODELS.build(grouping)
        self.decoder = decoder and MODELS.build(decoder)
        self.target = target and MODELS.build(target)

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[SegDataSample] | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor] | list[SegDataSample] | ObjectSlots | Reconstruction:
        """Dispatch, as all models of mmengine do.

        Args:
            inputs: Images ``(B, 3, H, W)``, normalised by the data preprocessor.
            data_samples: Their samples; needed for ``'predict'``.
            mode: ``'loss'``, ``'predict'``, or ``'tensor'`` for the reconstruction
                (without a decoder, the slots) and its masks.
        """
        if mode == 'loss':
            return self.loss(inputs)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            return self.reconstruct(inputs)
        raise ConfigError(f"mode={mode!r} must be 'loss', 'predict' or 'tensor'")

    def loss(self, inputs: Tensor) -> dict[str, Tensor]:
        """Mean squared error ``loss_reconstruction`` of the prediction.

        Raises:
            ConfigError: If there is no decoder: zero-shot evaluation has nothing to
                train.
        """
        if self.decoder is None:
            raise ConfigError(
                'zero-shot evaluation has nothing to train: pretrain with a config of '
                'configs/mmpretrain/, then run tools/test.py'
            )
        target = self.target(self.to_pixels(inputs))
        prediction = self.decoder(self._group(inputs, target), target).prediction
        if prediction.shape != target.shape:
            raise ConfigError(
                f'the decoder predicts {tuple(prediction.shape[1:])} and the target is '
                f'{tuple(target.shape[1:])} (channels, height, width): make them agree'
            )
        return dict(loss_reconstruction=F.mse_loss(prediction.float(), target))

    def reconstruct(self, inputs: Tensor) -> ObjectSlots | Reconstruction:
        """Group and, with a decoder, decode images ``(B, 3, H, W)``."""
        target = None
        # WWT-OCL has done with its teacher after training.
        if self.backbone is None or getattr(self.decoder, 'needs_target', False):
            target = self.target(self.to_pixels(inputs))
        objects = self._group(inputs, target)
        return objects if self.decoder is None else self.decoder(objects, target)

    def predict(
        self, inputs: Tensor, data_samples: Sequence[SegDataSample]
    ) -> list[SegDataSample]:
        """Segment images: each pixel belongs to the slot with the largest share.

        Args:
            inputs: Images ``(B, 3, H, W)``.
            data_samples: Samples; ``map_shape`` is the size to segment in, that of the
                ground truth, by default the size of the image.

        Returns:
            The samples with ``pred_sem_seg``: ``(1, height, width)`` int64, index of
            the slot. Masks are resized bilinearly before the maximum is taken, as
            DINOSAUR's evaluation does.
        """
        masks = self.reconstruct(inputs).masks.float()
        for sample, shares in zip(data_samples, masks, strict=True):
            size = sample.metainfo.get('map_shape', tuple(inputs.shape[-2:]))
            shares = F.interpolate(shares[None], size, mode='bilinear')[0]
            sample.pred_sem_seg = PixelData(data=shares.argmax(0, keepdim=True))
        return data_samples

    @torch.no_grad()
    def to_pixels(self, inputs: Tensor) -> Tensor:
        """Undo the normalisation: RGB between 0 and 255."""
        preprocessor = self.data_preprocessor
        if not getattr(preprocessor, '_enable_normalize', False):
            return inputs
        return inputs * preprocessor.std + preprocessor.mean

    def _group(self, inputs: Tensor, target: Tensor | None) -> ObjectSlots:
        return self.grouping(target if self.backbone is None else self.backbone(inputs))
