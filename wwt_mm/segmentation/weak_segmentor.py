"""Label maps from a classifier that has never seen one (paper, sec. 3.2 (b))."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.registry import FUNCTIONS
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from ..errors import ConfigError, DatasetError, one_of
from .wwt_segmentor import find_padding, padding_sides


class WeakSegmentor(BaseSegmentor):
    """A pretrained classifier and what explains its decision, as label maps.

    An activation map of each class in question is scaled to [0, 1] per image. A pixel
    gets the class that is most active there, or background where none exceeds the
    threshold. Scaling and threshold are not given in the paper; the threshold is found
    on training images, with :class:`ThresholdSearch`.

    Args:
        backbone: Config of the classifier's backbone.
        head: Config of its classification head.
        num_classes: Classes of the dataset without background, whose label is 0.
        class_map: For each output of the classifier the class (1 to ``num_classes``)
            it belongs to, or 0 for none; probabilities of outputs of one class are
            added. ``None``: the outputs are the classes, in their order. A dict names
            a registered function that makes the list, and its arguments.
        classes_from: Which classes an image may show. ``'predicted'``: the one that
            the classifier finds most probable; ``'given'``: those that the dataset
            tells as ``image_labels``; ``'all'``: every class, the paper's product of
            masks and class scores for whole label maps.
        threshold: Activation, in [0, 1], above which a pixel is no background.
        patch_size: Side of a patch of the backbone in pixels.
        foreground: Whether every class is labelled 1: objects against background.
        data_preprocessor: Config of the preprocessor.
        init_cfg: mmengine initialisation.

    Raises:
        ConfigError: If a value is unknown or out of range.
    """

    align_corners = False
    class_map: Tensor

    def __init__(
        self,
        backbone: dict,
        head: dict,
        num_classes: int,
        class_map: Sequence[int] | dict | None = None,
        classes_from: str = 'predicted',
        threshold: float = 0.5,
        patch_size: int = 16,
        foreground: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        one_of('classes_from', classes_from, ('predicted', 'given', 'all'))
        if not 0 <= threshold <= 1:
            raise ConfigError(f'threshold={threshold} must lie in [0, 1]')
        if isinstance(class_map, dict):
            class_map = list(FUNCTIONS.build(class_map))
        labels = range(1, num_classes + 1) if class_map is None else class_map
        if not {*labels} <= {*range(num_classes + 1)}:
            raise ConfigError(
                f'class_map must hold numbers from 0 to num_classes={num_classes}, not '
                f'{min(labels)} to {max(labels)}'
            )
        self.backbone = MODELS.build(backbone)
        self.head = MODELS.build(head)
        self.num_classes = num_classes
        self.out_channels = num_classes + 1
        self.classes_from = classes_from
        self.threshold = threshold
        self.patch_size = patch_size
        self.foreground = foreground
        self.register_buffer('class_map', torch.tensor([*labels]), persistent=False)

    @abstractmethod
    def explain(
        self, inputs: Tensor, padding_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Classify images and show where.

        Args:
            inputs: Images ``(B, 3, H, W)``.
            padding_mask: ``(B, H, W)`` bool, ``True`` for padding; ``None`` for none.

        Returns:
            Probabilities ``(B, C)`` and activations ``(B, C, h, w)``, at least 0, of
            the ``C`` classes of the dataset without background.
        """

    def to_classes(self, probabilities: Tensor) -> Tensor:
        """From the classifier's outputs ``(..., n)`` to the classes ``(..., C)``."""
        if probabilities.shape[-1] != len(self.class_map):
            raise ConfigError(
                f'class_map has {len(self.class_map)} entries and the classifier '
                f'{probabilities.shape[-1]} outputs: they must agree'
            )
        shape = (*probabilities.shape[:-1], self.num_classes + 1)
        classes = probabilities.new_zeros(shape)
        return classes.index_add_(-1, self.class_map, probabilities)[..., 1:]

    def predict(
        self, inputs: Tensor, data_samples: Sequence[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Label images.

        Args:
            inputs: Images ``(B, 3, H, W)``.
            data_samples: Their samples; only ``classes_from='given'`` needs them.

        Returns:
            The samples, each with ``pred_sem_seg`` (labels), ``pred_class`` (the most
            active class, not regarding the threshold) and ``pred_score`` (its
            activation in [0, 1]), all ``(1, H, W)`` in the size of the image file.
        """
        height, width = inputs.shape[-2:]
        size = (height, width)
        if data_samples is None:
            data_samples = [
                SegDataSample(metainfo=dict(ori_shape=size)) for _ in inputs
            ]
        metas = [sample.metainfo for sample in data_samples]
        probabilities, activations = self.explain(inputs, find_padding(metas, inputs))
        for sample, scores, maps in zip(
            data_samples, probabilities, activations, strict=True
        ):
            classes = self._choose(scores, sample.metainfo)
            maps = self._cut(maps[classes - 1], size, sample.metainfo)
            if not len(classes):  # nothing but background
                classes, maps = classes.new_ones(1), maps.new_zeros(1, *maps.shape[1:])
            maps = self._restore(self._scale(maps), size, sample.metainfo)
            score, winner = maps.max(0, keepdim=True)
            best = classes[winner]
            if self.foreground:
                best = torch.ones_like(best)
            sample.set_data(
                dict(
                    pred_sem_seg=PixelData(
                        data=best.masked_fill(score <= self.threshold, 0)
                    ),
                    pred_class=PixelData(data=best),
                    pred_score=PixelData(data=score),
                )
            )
        return list(data_samples)

    def _choose(self, probabilities: Tensor, meta: dict) -> Tensor:
        """Classes ``(n,)``, from 1, that an image may show."""
        if self.classes_from == 'all':
            return torch.arange(1, self.num_classes + 1, device=probabilities.device)
        if self.classes_from == 'predicted':
            return probabilities.argmax().view(1) + 1
        labels = meta.get('image_labels')
        if labels is None:
            raise DatasetError(
                f'{meta.get("img_path", "an image")} has no image_labels, which '
                "classes_from='given' needs: let PackSegInputs keep 'image_labels' "
                "(meta_keys), after AddImageLabels; or use classes_from='predicted'"
            )
        return torch.tensor(labels, dtype=torch.long, device=probabilities.device)

    def _cut(self, maps: Tensor, size: tuple[int, int], meta: dict) -> Tensor:
        """Without the patches that are all padding, below and right of the image."""
        _, right, _, bottom = padding_sides(meta)
        patch = self.patch_size
        return maps[
            :, : -(-(size[0] - bottom) // patch), : -(-(size[1] - right) // patch)
        ]

    def _scale(self, maps: Tensor) -> Tensor:
        """Maps ``(n, h, w)`` to [0, 1]: each, or jointly if all classes compete."""
        dims = (0, 1, 2) if self.classes_from == 'all' else (1, 2)
        low, high = maps.amin(dims, keepdim=True), maps.amax(dims, keepdim=True)
        return (maps - low) / (high - low).clamp(min=torch.finfo(maps.dtype).tiny)

    def _restore(self, maps: Tensor, size: tuple[int, int], meta: dict) -> Tensor:
        """Maps ``(n, h, w)`` of patches to the pixels of the image file.

        Args:
            maps: One value per patch.
            size: Height and width of the model's input in pixels.
            meta: The sample's ``ori_shape``, padding, and whether it is flipped.
        """
        maps = F.interpolate(maps[None], scale_factor=self.patch_size, mode='bilinear')
        left, right, top, bottom = padding_sides(meta)
        maps = maps[..., top : size[0] - bottom, left : size[1] - right]
        if meta.get('flip'):
            maps = maps.flip(3 if meta['flip_direction'] == 'horizontal' else 2)
        return F.interpolate(maps, size=tuple(meta['ori_shape']), mode='bilinear')[0]

    def extract_feat(self, inputs: Tensor) -> tuple:
        """Outputs of the backbone."""
        return self.backbone(inputs)

    def encode_decode(self, inputs: Tensor, batch_data_samples: list) -> Tensor:
        """Activations ``(B, C, H, W)`` of all classes in the size of the inputs."""
        maps = F.interpolate(
            self.explain(inputs)[1], scale_factor=self.patch_size, mode='bilinear'
        )
        return maps[..., : inputs.shape[2], : inputs.shape[3]]

    def _forward(
        self, inputs: Tensor, data_samples: list | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.explain(inputs)

    def loss(self, inputs: Tensor, data_samples: list) -> dict:
        """Refuse: weak supervision is the classifier's training."""
        raise ConfigError(
            f'{type(self).__name__} is not trained: train its classifier '
            '(configs/mmpretrain) and give the checkpoint to tools/test.py'
        )


@MODELS.register_module()
class WeakSlotSegmentor(WeakSegmentor):
    """WWT's own label maps: class scores of slots times their masks, eq. (8).

    It takes the checkpoint of a :class:`~wwt_mm.classification.WWTClassifier` with a
    :class:`~wwt_mm.classification.SlotClsHead` as it is.

    Args:
        rectify_heads: Whether each head of the masks is rectified before their mean is
            taken, see :func:`~wwt_mm.classification.rectified_masks`.
        average: Whether eq. (8) is divided by the sum of a class's scores, see
            :func:`~wwt_mm.classification.class_activation`; of consequence only where
            classes compete (``classes_from='all'``).
        **kwargs: Arguments of :class:`WeakSegmentor`.
    """

    def __init__(
        self, rectify_heads: bool = False, average: bool = False, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.rectify_heads = rectify_heads
        self.average = average

    def explain(
        self, inputs: Tensor, padding_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See :meth:`WeakSegmentor.explain`."""
        features = self.backbone(inputs, padding_mask)
        slot_logits = self.head.slot_logits(features)  # (B, K, n)
        masks = features[-1].masks  # (B, H, K, h, w)
        masks = masks.relu().mean(1) if self.rectify_heads else masks.mean(1).relu()
        scores = self.to_classes(slot_logits.softmax(-1))  # (B, K, C)
        if self.average:
            total = scores.sum(1, keepdim=True)  # 0 if no output means a class
            scores = scores / total.clamp(min=torch.finfo(total.dtype).tiny)
        activations = scores.mT @ masks.flatten(2)  # (B, C, N)         (8)
        image = self.to_classes(self.head.average(slot_logits).softmax(-1))
        return image, activations.unflatten(2, masks.shape[-2:])
