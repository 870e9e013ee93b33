"""Slots compete to predict each patch: DINOSAUR's spatial broadcast MLP."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..backbone.position_embedding import PositionEmbedding
from ..errors import ConfigError, one_of
from .objects import ObjectSlots, Reconstruction


@MODELS.register_module()
class MLPDecoder(BaseModule):
    """Predict a feature map from slots, patch by patch.

    With slots ``s_k``, a learned embedding ``p_i`` of each patch and masks ``m_ki`` of
    the grouping, ``competition`` says how slots share a patch:

    * ``'alpha'``: ``[y_ki, a_ki] = MLP(s_k + p_i)``, ``sum_k softmax_k(a_ki) y_ki``,
      the decoder of DINOSAUR (Seitzer et al., 2023). The decoder decides where a slot
      is, ``softmax_k(a_ki)`` is evaluated, and no gradient reaches the grouping's
      masks.
    * ``'masks'``: ``sum_k m_ki MLP(s_k + p_i)``. The grouping decides, and its masks
      are evaluated.
    * ``'features'``: ``MLP(sum_k m_ki s_k + p_i)``. As the autoencoding head does it
      (sec. 3.2), whose CNN the MLP replaces. The masks are evaluated.

    What-Where Transformers have masks of their own; which of the three the paper uses
    is not given ("the head predicts a feature map [...] via an MLP decoder").

    Args:
        in_channels: Channels ``D`` of a slot.
        out_channels: Channels ``C`` of the target.
        grid: Height and width of the target in patches. Masks of another size are
            resized to it.
        hidden_channels: Width of the hidden layers; DINOSAUR: 2048 on COCO.
        num_layers: Linear layers; DINOSAUR: 4.
        competition: One of the three.
        positions: Whether ``p_i`` is added. Without it, ``'features'`` is the
            autoencoding head with an MLP in the place of its CNN, and nothing else.

    Raises:
        ConfigError: If ``competition`` is unknown or there are fewer than 2 layers.
    """

    needs_target = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        grid: tuple[int, int] = (14, 14),
        hidden_channels: int = 2048,
        num_layers: int = 4,
        competition: str = 'alpha',
        positions: bool = True,
    ) -> None:
        super().__init__()
        one_of('competition', competition, ('alpha', 'masks', 'features'))
        if num_layers < 2:
            raise ConfigError(f'num_layers={num_layers}: an MLP has at least 2')
        self.competition = competition
        self.grid = tuple(grid)
        self.out_channels = out_channels
        self.positions = (
            PositionEmbedding(in_channels, self.grid) if positions else None
        )
        self.first = nn.Linear(in_channels, hidden_channels)
        layers = []
        for _ in range(num_layers - 2):
            layers += [nn.ReLU(), nn.Linear(hidden_channels, hidden_channels)]
        last = out_channels + (competition == 'alpha')
        self.rest = nn.Sequential(*layers, nn.ReLU(), nn.Linear(hidden_channels, last))

    def forward(
        self, objects: ObjectSlots, target: Tensor | None = None
    ) -> Reconstruction:
        """Predict the target.

        Args:
            objects: Slots and masks.
            target: ``(B, C, h, w)``, only to check that it fits.

        Returns:
            Prediction ``(B, C, h, w)`` and masks ``(B, n, h, w)``.

        Raises:
            ConfigError: If the target has another size or other channels.
        """
        if target is not None:
            self._check(target)
        masks = self._to_grid(objects.masks).flatten(2)  # (B, n, N)
        if self.competition == 'features':
            mixed = (masks.mT @ objects.slots).unsqueeze(1)  # (B, 1, N, D)
            prediction = self._mlp(mixed).squeeze(1)
        else:
            decoded = self._mlp(objects.slots.unsqueeze(2))  # (B, n, N, C)
            if self.competition == 'alpha':
                decoded, alpha = decoded.split([self.out_channels, 1], dim=-1)
                masks = alpha.squeeze(-1).softmax(1)  # over slots
            decoded = decoded.expand(-1, -1, masks.shape[2], -1)
            prediction = torch.einsum('bnp,bnpc->bpc', masks.to(decoded), decoded)
        return Reconstruction(
            prediction.mT.unflatten(2, self.grid), masks.unflatten(2, self.grid)
        )

    def _mlp(self, slots: Tensor) -> Tensor:
        """``MLP(s + p)`` of ``(B, n, 1 or N, D)`` at each of the ``N`` patches."""
        hidden = self.first(slots)
        if self.positions is not None:
            # The first layer is linear: slots and patches pass it before they are
            # paired.
            positions = self.positions.weight.flatten(2).mT  # (1, N, D)
            hidden = hidden + F.linear(positions, self.first.weight)
        return self.rest(hidden)

    def _to_grid(self, masks: Tensor) -> Tensor:
        if tuple(masks.shape[-2:]) == self.grid:
            return masks
        return F.interpolate(masks, self.grid, mode='bilinear', align_corners=False)

    def _check(self, target: Tensor) -> None:
        if tuple(target.shape[-2:]) != self.grid:
            raise ConfigError(
                f'decoder.grid={self.grid} and the target has {target.shape[2]} x '
                f'{target.shape[3]} patches: set decoder.grid to that'
            )
        if target.shape[1] != self.out_channels:
            raise ConfigError(
                f'decoder.out_channels={self.out_channels} and the target has '
                f'{target.shape[1]} channels: set decoder.out_channels to that'
            )
