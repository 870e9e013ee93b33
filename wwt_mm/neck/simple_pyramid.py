"""A feature pyramid from a single map, for detectors that want several strides."""

from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..errors import ConfigError


@MODELS.register_module()
class SimplePyramid(BaseModule):
    """Rescales a plain backbone's last map to several strides.

    The "simple feature pyramid" of Li et al., *Exploring Plain Vision Transformer
    Backbones for Object Detection* (ViTDet): every level comes from the last map alone,
    as a plain backbone has one stride and its last map is its strongest. It takes the
    place of ``FPN``, or stands before it: ``neck=[dict(type='SimplePyramid', ...),
    dict(type='FPN', ...)]``. mmseg's ``Feature2Pyramid`` wants one map for each level
    and mmseg installed; this needs neither. Not given in the paper of WWT.

    Args:
        in_channels: Channels of the map, the backbone's ``embed_dims``.
        out_channels: Channels of each level.
        scales: Size of each level relative to the map, powers of 2. For a patch of 16
            pixels the default gives strides 4, 8, 16 and 32.
        num_outs: Levels in all; those beyond ``scales`` halve the one before, as in
            ``FPN``. Default: as many as ``scales``.
        norm_cfg: Config of normalisation. ViTDet normalises over channels at each
            pixel; all three libraries have group normalisation, and 16 groups divide
            WWT's widths, their halves and quarters.
        init_cfg: mmengine initialisation.

    Raises:
        ConfigError: If a scale is no power of 2, or ``num_outs`` is too small.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 256,
        scales: Sequence[float] = (4, 2, 1, 0.5),
        num_outs: int | None = None,
        norm_cfg: dict = dict(type='GN', num_groups=16),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        num_outs = len(scales) if num_outs is None else num_outs
        if num_outs < len(scales):
            raise ConfigError(
                f'num_outs={num_outs} is less than the {len(scales)} levels of '
                f'scales={tuple(scales)}: remove scales instead'
            )
        self.num_extra = num_outs - len(scales)
        conv_cfg = dict(norm_cfg=norm_cfg, act_cfg=None)
        self.levels = nn.ModuleList()
        for scale in scales:
            rescale, channels = _rescale(scale, in_channels, norm_cfg)
            narrow = ConvModule(channels, out_channels, 1, **conv_cfg)
            smooth = ConvModule(out_channels, out_channels, 3, padding=1, **conv_cfg)
            self.levels.append(nn.Sequential(*rescale, narrow, smooth))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Makes the pyramid.

        Args:
            inputs: The backbone's maps, of which the last is used, ``(B, C, h, w)``.

        Returns:
            tuple[Tensor]: ``num_outs`` maps ``(B, out_channels, scale h, scale w)``.
        """
        outputs = [level(inputs[-1]) for level in self.levels]
        for _ in range(self.num_extra):
            outputs.append(F.max_pool2d(outputs[-1], 1, stride=2))
        return tuple(outputs)


def _rescale(
    scale: float, channels: int, norm_cfg: dict
) -> tuple[list[nn.Module], int]:
    """Layers that rescale a map, and the channels that come out of them."""
    if scale == 1:
        return [], channels
    if scale > 1 and scale % 2 == 0:
        up = nn.ConvTranspose2d(channels, channels // 2, 2, stride=2)
        rest, narrowed = _rescale(scale // 2, channels // 2, norm_cfg)
        between = [build_norm_layer(norm_cfg, channels // 2)[1], nn.GELU()]
        return [up, *(between if rest else ()), *rest], narrowed
    if 0 < scale < 1 and (1 / scale) % 2 == 0:
        rest, channels = _rescale(scale * 2, channels, norm_cfg)
        # Rounding up: no level is empty, and strides stay what the heads expect.
        return [nn.MaxPool2d(2, stride=2, ceil_mode=True), *rest], channels
    raise ConfigError(f'scale {scale} of SimplePyramid must be a power of 2')
