"""The image encoder of Slot Attention on photographs."""

from mmengine.registry import MODELS
from mmpretrain.models.backbones import ResNet


@MODELS.register_module()
class SAViResNet(ResNet):
    """ResNet whose first convolution and max pooling keep the resolution.

    The encoder of SAVi (Kipf et al., 2022) as DINOSAUR's authors configure it, with
    ``depth=34`` and group norms: 16 x 16 features of an image of 128 x 128 pixels.

    Args: those of mmpretrain's ``ResNet``.
    """

    def _make_stem_layer(self, in_channels: int, base_channels: int) -> None:
        super()._make_stem_layer(in_channels, base_channels)
        self.conv1.stride = (1, 1)  # 7 x 7
        self.maxpool.stride = 1  # 3 x 3
