"""Training without labels, which the paper leaves open (Limitations)."""

from mmengine.model import BaseModule
from mmpretrain.models.selfsup import BYOL, BaseSelfSupervisor, MoCoV3, SimSiam
from mmpretrain.registry import MODELS
from torch import Tensor

from wwt_mm.backbone import SlotMasks


@MODELS.register_module()
class AverageSlots(BaseModule):
    """A neck: the mean over slots ``(B, D)``, for mmpretrain's necks to go on with."""

    def forward(self, feats: tuple[SlotMasks, ...]) -> tuple[Tensor]:
        """Average the slots of the last block."""
        return (feats[-1].slots.mean(1),)


@MODELS.register_module()
class SlotAutoencoder(BaseSelfSupervisor):
    """Only reconstructs: its ``head`` is an :class:`AutoencodingHead`."""

    def loss(self, inputs: Tensor, data_samples: list, **kwargs) -> dict:
        """``loss_autoencoding`` of images ``(B, C, H, W)``."""
        return self.head.loss(self.backbone(inputs), inputs)


class SlotMethod:
    """``SlotMoCoV3``, ``SlotSimSiam``, ``SlotBYOL``: mmpretrain's with a second loss.

    Args:
        autoencoding_head: Config of what trains the last block's masks; ``None`` for
            none.
        **kwargs: As for mmpretrain's; the backbone with ``out_type='slot_masks'``, the
            neck with :class:`AverageSlots` in front.
    """

    def __init__(self, autoencoding_head: dict | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.autoencoding_head = autoencoding_head and MODELS.build(autoencoding_head)

    def loss(self, inputs: list[Tensor], data_samples: list, **kwargs) -> dict:
        """``loss_views`` and, the mean over views, ``loss_autoencoding``."""
        seen = []  # each view, and what the trained (not the averaged) backbone says
        with self.backbone.register_forward_hook(
            lambda backbone, args, feats: seen.append((feats, *args))
        ):
            # Under its own name it would overwrite the total in mmengine's log.
            losses = dict(loss_views=super().loss(inputs, data_samples)['loss'])
        if self.autoencoding_head:
            each = [self.autoencoding_head.loss(*view) for view in seen]
            total = sum(view['loss_autoencoding'] for view in each)
            losses['loss_autoencoding'] = total / len(each)
        return losses


for _base in (MoCoV3, SimSiam, BYOL):
    MODELS.register_module(
        module=type(f'Slot{_base.__name__}', (SlotMethod, _base), {})
    )
