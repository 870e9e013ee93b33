"""From one value per patch to maps of a chosen stride, as DPT reassembles tokens."""

import torch
from torch import nn

from ..errors import ConfigError, one_of


class Reassemble(nn.Sequential):
    """Project per patch, then upsample, ``(B, in, h, w)`` to ``(B, out, h s, w s)``.

    Args:
        in_channels: Channels per patch.
        out_channels: Channels of the maps.
        patch_size: Side of a patch in pixels.
        stride: Side in pixels of one position of the maps; divides ``patch_size``.
            Where they are equal nothing is upsampled.
        upsampling: ``'deconv'``, a transposed convolution whose kernel is as large as
            its step, so that patches do not mix; or ``'bilinear'``.
        project: Whether a 1 x 1 convolution comes first. Without it ``in_channels``
            and ``out_channels`` must agree.

    Raises:
        ConfigError: If ``stride`` does not divide ``patch_size``, ``upsampling`` is
            unknown, or channels do not agree.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        patch_size: int = 16,
        stride: int = 4,
        upsampling: str = 'deconv',
        project: bool = True,
    ) -> None:
        if stride < 1 or patch_size % stride:
            raise ConfigError(
                f'stride={stride} must divide patch_size={patch_size}: choose '
                f'{patch_size}, {patch_size // 2} or {patch_size // 4}'
            )
        one_of('upsampling', upsampling, ('deconv', 'bilinear'))
        if not project and in_channels != out_channels:
            raise ConfigError(
                f'{in_channels} channels cannot become {out_channels} without project'
            )
        scale = patch_size // stride
        layers: list[nn.Module] = []
        if project:
            layers.append(nn.Conv2d(in_channels, out_channels, 1))
        if scale > 1 and upsampling == 'deconv':
            layers.append(nn.ConvTranspose2d(out_channels, out_channels, scale, scale))
        elif scale > 1:
            layers.append(nn.Upsample(scale_factor=scale, mode='bilinear'))
        super().__init__(*layers)
        self.stride = stride

    @torch.no_grad()
    def start_as_mean(self, groups: int) -> None:
        """Make it, before training, the mean over groups of channels, upsampled.

        Args:
            groups: How many times ``out_channels`` the input has.
        """
        for parameter in self.parameters():
            parameter.zero_()  # biases stay so
        for layer in self:
            if isinstance(layer, nn.Conv2d):
                identity = torch.eye(layer.out_channels).repeat(1, groups) / groups
                layer.weight.copy_(identity[:, :, None, None])
            elif isinstance(layer, nn.ConvTranspose2d):
                identity = torch.eye(layer.out_channels)[:, :, None, None]
                layer.weight.copy_(identity.expand_as(layer.weight))
