"""A ViT with the random weights that DeiT starts from."""

from mmpretrain.models.backbones import VisionTransformer
from mmpretrain.registry import MODELS
from torch import nn

from wwt_mm.backbone.initial_weights import draw_weights


@MODELS.register_module()
class DeiT(VisionTransformer):
    """mmpretrain's ViT, initialised as DeiT's code (timm) does.

    All linear layers and the class token are drawn with a standard deviation of 0.02,
    biases are 0. mmpretrain's ``VisionTransformer`` draws feed-forward layers by
    Xavier's rule, whatever ``init_cfg`` says, and leaves the class token at 0.

    Args: those of mmpretrain's ``VisionTransformer``, with a class token.
    """

    def init_weights(self) -> None:
        """Draw the weights, unless ``init_cfg`` loads them."""
        super().init_weights()
        if isinstance(self.init_cfg, dict) and self.init_cfg['type'] == 'Pretrained':
            return
        draw_weights(self.cls_token)
        for layer in self.layers.modules():
            if isinstance(layer, nn.Linear):
                draw_weights(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
