"""Pretraining by image labels, with the autoencoding head beside the classifier."""

from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

_PREFIX = 'autoencoding_head.'


@MODELS.register_module()
class WWTClassifier(ImageClassifier):
    """An mmpretrain classifier whose training also reconstructs its input.

    The autoencoding head works in training only. Where a checkpoint and the model do
    not agree about whether there is one, its weights are left as they are, silently,
    so a published checkpoint needs not hold them.

    Args:
        backbone: Config of the backbone, with ``out_type='slot_masks'``.
        head: Config of the classification head.
        autoencoding_head: Config of the autoencoding head; ``None`` for none, as in
            Table 7's "w/o AE head".
        **kwargs: As for mmpretrain's ``ImageClassifier``: ``train_cfg``,
            ``data_preprocessor``, ``init_cfg``, ``neck``, ``pretrained``.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        autoencoding_head: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(backbone=backbone, head=head, **kwargs)
        if autoencoding_head is not None and not isinstance(
            autoencoding_head, nn.Module
        ):
            autoencoding_head = MODELS.build(autoencoding_head)
        self.autoencoding_head = autoencoding_head
        self._absent_prefix: str | None = None
        self.register_load_state_dict_post_hook(_forgive_absent_autoencoder)

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict:
        """Losses of both heads.

        Args:
            inputs: ``(B, C, H, W)`` from the data preprocessor: normalised and, in
                training, mixed by Mixup or CutMix. That is what is reconstructed.
            data_samples: Their labels, or label scores.

        Returns:
            ``loss_cls`` and, with an autoencoding head, ``loss_autoencoding``.
        """
        slots_only = self.autoencoding_head is None
        feats = self.extract_feat(inputs, slots_only=slots_only)
        losses = self.head.loss(feats, data_samples)
        # Under the head's own name it would overwrite the total in mmengine's log.
        losses['loss_cls'] = losses.pop('loss')
        if self.autoencoding_head is not None:
            losses.update(self.autoencoding_head.loss(feats, inputs))
        return losses

    def predict(
        self,
        inputs: Tensor,
        data_samples: list[DataSample | None] | None = None,
        **kwargs,
    ) -> list[DataSample]:
        """Predict the images' classes; see mmpretrain's ``ImageClassifier.predict``."""
        feats = self.extract_feat(inputs, slots_only=True)
        return self.head.predict(feats, data_samples, **kwargs)

    def extract_feat(
        self, inputs: Tensor, stage: str = 'neck', slots_only: bool = False
    ) -> tuple:
        """See mmpretrain's ``ImageClassifier.extract_feat``.

        Args:
            inputs: Images ``(B, C, H, W)``.
            stage: ``'backbone'``, ``'neck'`` or ``'pre_logits'``.
            slots_only: Whether masks and tokens may be left out, which saves a WWT
                backbone some work.

        Returns:
            What the backbone, the neck or the head's first layers return.
        """
        if slots_only and stage == 'neck' and not self.with_neck:
            if getattr(self.backbone, 'out_type', None) == 'slot_masks':
                return self.backbone(inputs, slots_only=True)
        return super().extract_feat(inputs, stage)

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs) -> None:
        """Note whether the checkpoint knows of the autoencoder as the model does."""
        heads = (
            any(key.startswith(prefix + _PREFIX) for key in state_dict),
            self.autoencoding_head is not None,
        )
        self._absent_prefix = prefix + _PREFIX if sum(heads) == 1 else None
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _forgive_absent_autoencoder(model: WWTClassifier, keys) -> None:
    """Report the autoencoder's weights neither as missing nor as unexpected."""
    if model._absent_prefix is not None:
        for names in (keys.missing_keys, keys.unexpected_keys):
            names[:] = [n for n in names if not n.startswith(model._absent_prefix)]
